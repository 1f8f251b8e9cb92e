/* SPDX-License-Identifier: MIT */
/*
 * Threads take one block after the other, which begins with data. It is read at
 * once, since each read opens the chain's files. Then its pages that are not
 * zeros are written.
 */
#include "layers/copy.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/range.h"

#define NAME	    "layers"
#define BLOCK_BYTES (UINT64_C(4) << 20)
#define PAGE_BYTES  UINT64_C(4096)
#define MAX_THREADS 8
/* Pages between wanted ones that are read with them, and not written. */
#define MAX_GAP_BYTES (UINT64_C(256) << 10)

struct copy {
	const struct layers_copying *copying;
	unsigned int *page_shifts; /* of the regions */
	uint64_t total_bytes;

	pthread_mutex_t lock; /* guards all below; progress is called in it */
	size_t next_piece;
	uint64_t next_byte;  /* of it, from its first one */
	uint64_t done_bytes; /* of blocks that were taken, and of zeros */
	struct smudge_error err;
};

/* What one thread copies at once. */
struct block {
	size_t region;
	unsigned int page_shift;
	uint64_t first_page;
	uint64_t npages;
	uint64_t skip_bytes; /* of the first page */
	uint64_t nbytes;     /* behind them */
	uint64_t file_off;
};

/* The place is behind its end now. */
static void set_place(struct copy *copy, uint64_t next_byte)
{
	copy->done_bytes += next_byte - copy->next_byte;
	copy->next_byte = next_byte;
}

/* The bytes of a piece [first, end), from its first one, as a block. */
static void set_block(const struct copy *copy, const struct layers_piece *piece,
		      uint64_t first, uint64_t end, struct block *block)
{
	unsigned int shift = copy->page_shifts[piece->region];
	uint64_t first_off = piece->region_off + first;
	uint64_t end_off = piece->region_off + end;
	uint64_t page_bytes = UINT64_C(1) << shift;

	*block = (struct block){
		.region = piece->region,
		.page_shift = shift,
		.first_page = first_off >> shift,
		.npages = ((end_off + page_bytes - 1) >> shift) -
			  (first_off >> shift),
		.skip_bytes = first_off & (page_bytes - 1),
		.nbytes = end - first,
		.file_off = piece->file_off + first,
	};
}

/* The next bytes of a piece that are not zeros. Return: 1, 0, or -errno. */
static int find_data(struct copy *copy, const struct layers_piece *piece,
		     uint64_t *ret_first, struct smudge_error *err)
{
	unsigned int shift = copy->page_shifts[piece->region];
	uint64_t page_bytes = UINT64_C(1) << shift;
	uint64_t end = piece->region_off + piece->nbytes;
	struct smudge_run run;
	int ret = smudge_chain_next_data(
		copy->copying->chain, piece->region,
		(piece->region_off + copy->next_byte) >> shift,
		(end + page_bytes - 1) >> shift, &run, err);

	if (ret > 0)
		*ret_first = max_u64(run.first_page << shift,
				     piece->region_off + copy->next_byte) -
			     piece->region_off;
	return ret;
}

static bool is_wanted(const struct copy *copy, uint64_t file_off)
{
	uint64_t page = file_off / PAGE_BYTES;

	return copy->copying->wanted[page / 64] >> (page % 64) & 1;
}

/* The next bytes of a piece that are wanted. Return: 1 or 0. */
static int find_wanted(struct copy *copy, const struct layers_piece *piece,
		       uint64_t *ret_first)
{
	uint64_t at = copy->next_byte;

	while (at < piece->nbytes && !is_wanted(copy, piece->file_off + at)) {
		uint64_t page = (piece->file_off + at) / PAGE_BYTES;

		/* none of the word's pages, or not this one */
		at += copy->copying->wanted[page / 64]
			      ? PAGE_BYTES
			      : (64 - page % 64) * PAGE_BYTES;
	}
	*ret_first = at;
	return at < piece->nbytes;
}

/* Of what was found, so much is read at once: to the last wanted page. */
static uint64_t end_of_wanted(const struct copy *copy,
			      const struct layers_piece *piece, uint64_t first,
			      uint64_t end)
{
	uint64_t wanted_end = first;

	for (uint64_t at = first; at < end && at - wanted_end <= MAX_GAP_BYTES;
	     at += PAGE_BYTES)
		if (is_wanted(copy, piece->file_off + at))
			wanted_end = at + PAGE_BYTES;
	return wanted_end;
}

/* Blocks end where pages do: each is read once. */
static uint64_t end_of_block(const struct copy *copy,
			     const struct layers_piece *piece, uint64_t first)
{
	unsigned int shift = copy->page_shifts[piece->region];
	uint64_t block_bytes = max_u64(BLOCK_BYTES, UINT64_C(1) << shift);
	uint64_t off = piece->region_off + first;
	uint64_t end =
		((off >> shift << shift) + block_bytes) - piece->region_off;

	return min_u64(end, piece->nbytes);
}

/* Return: 1, 0 (the piece has no more data), or -errno. */
static int take_from(struct copy *copy, const struct layers_piece *piece,
		     struct block *block, struct smudge_error *err)
{
	bool is_chosen = copy->copying->wanted != NULL;
	uint64_t first, end;
	int ret = 0;

	if (copy->next_byte < piece->nbytes)
		ret = is_chosen ? find_wanted(copy, piece, &first)
				: find_data(copy, piece, &first, err);
	if (ret == 0)
		set_place(copy, piece->nbytes);
	if (ret <= 0)
		return ret;
	end = end_of_block(copy, piece, first);
	if (is_chosen)
		end = end_of_wanted(copy, piece, first, end);
	set_block(copy, piece, first, end, block);
	set_place(copy, end);
	return 1;
}

/* Zeros are skipped at once: a region may be larger than any file. */
static int take_block(struct copy *copy, struct block *block,
		      struct smudge_error *err)
{
	int ret = 0;

	while (!ret && copy->next_piece < copy->copying->npieces) {
		ret = take_from(copy, &copy->copying->pieces[copy->next_piece],
				block, err);
		if (ret)
			break;
		copy->next_piece++;
		copy->next_byte = 0;
	}
	return ret;
}

/* @ret: of the block before. Return: is there another one? */
static bool next(struct copy *copy, struct block *block, int ret,
		 struct smudge_error *err)
{
	const struct layers_copying *copying = copy->copying;

	pthread_mutex_lock(&copy->lock);
	if (!ret && !copy->err.code && copying->progress &&
	    copying->progress(copying->opaque, copy->done_bytes,
			      copy->total_bytes))
		ret = smudge_error_set(err, -ECANCELED, NAME, "cancelled");
	if (!ret && !copy->err.code)
		ret = take_block(copy, block, err);
	if (ret < 0 && !copy->err.code)
		copy->err = *err;
	pthread_mutex_unlock(&copy->lock);
	return ret > 0;
}

static int write_all(const struct copy *copy, const uint8_t *bytes,
		     uint64_t length, uint64_t file_off,
		     struct smudge_error *err)
{
	while (length) {
		ssize_t n = pwrite(copy->copying->fd, bytes, length,
				   (off_t)file_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int code = n ? -errno : -EIO;

			return smudge_error_set(
				err, code, NAME, "cannot write %.120s: %s",
				copy->copying->path, strerror(-code));
		}
		bytes += n;
		length -= (uint64_t)n;
		file_off += (uint64_t)n;
	}
	return 0;
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

static bool is_written(const struct copy *copy, const uint8_t *page,
		       uint64_t file_off)
{
	return copy->copying->wanted ? is_wanted(copy, file_off)
				     : !is_zero(page);
}

/* How many bytes from @at on are written, or are not. */
static uint64_t run_bytes(const struct copy *copy, const struct block *block,
			  const uint8_t *bytes, uint64_t at, bool are_written)
{
	uint64_t end = at;

	while (end < block->nbytes &&
	       is_written(copy, bytes + end, block->file_off + end) ==
		       are_written)
		end += PAGE_BYTES;
	return end - at;
}

static int write_block(const struct copy *copy, const struct block *block,
		       const uint8_t *bytes, struct smudge_error *err)
{
	uint64_t at = 0;
	int ret = 0;

	while (!ret && at < block->nbytes) {
		uint64_t n;

		at += run_bytes(copy, block, bytes, at, false);
		n = run_bytes(copy, block, bytes, at, true);
		ret = write_all(copy, bytes + at, n, block->file_off + at, err);
		at += n;
	}
	return ret;
}

static int copy_block(const struct copy *copy, const struct block *block,
		      uint8_t *buffer, struct smudge_error *err)
{
	const struct layers_copying *copying = copy->copying;
	const uint8_t *bytes = buffer + block->skip_bytes;
	int ret = smudge_chain_read(copying->chain, block->region,
				    block->first_page, block->npages, buffer,
				    err);

	if (ret)
		return ret;
	if (copying->look)
		copying->look(copying->look_opaque, block->file_off, bytes,
			      block->nbytes);
	return write_block(copy, block, bytes, err);
}

static uint64_t buffer_bytes(const struct copy *copy)
{
	uint64_t bytes = BLOCK_BYTES;

	for (size_t i = 0; i < copy->copying->npieces; i++)
		bytes = max_u64(
			bytes,
			UINT64_C(1)
				<< copy->page_shifts[copy->copying->pieces[i]
							     .region]);
	return bytes;
}

static void *work(void *opaque)
{
	struct copy *copy = opaque;
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t *buffer = malloc(buffer_bytes(copy));
	struct block block = {0};
	int ret = 0;

	if (!buffer)
		ret = smudge_error_set(&err, -ENOMEM, NAME, "out of memory");
	while (next(copy, &block, ret, &err))
		ret = copy_block(copy, &block, buffer, &err);
	free(buffer);
	return NULL;
}

/* One works here; fewer threads than wanted are no failure. */
static void run(struct copy *copy)
{
	long nprocessors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_THREADS];
	int n = 0;

	while (n + 1 < MAX_THREADS && n + 1 < nprocessors &&
	       pthread_create(&threads[n], NULL, work, copy) == 0)
		n++;
	work(copy);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static int prepare(struct copy *copy, struct smudge_error *err)
{
	size_t nregions = smudge_chain_nregions(copy->copying->chain);

	copy->page_shifts = calloc(nregions + 1, sizeof(*copy->page_shifts));
	if (!copy->page_shifts)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	for (size_t i = 0; i < nregions; i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};

		(void)smudge_chain_region(copy->copying->chain, i, &region);
		copy->page_shifts[i] = region.page_shift;
	}
	for (size_t i = 0; i < copy->copying->npieces; i++)
		copy->total_bytes += copy->copying->pieces[i].nbytes;
	return 0;
}

int layers_copy(const struct layers_copying *copying, struct smudge_error *err)
{
	struct copy copy = {
		.copying = copying,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.err = SMUDGE_ERROR_INIT,
	};
	int ret = prepare(&copy, err);

	if (ret)
		return ret;
	run(&copy);
	pthread_mutex_destroy(&copy.lock);
	free(copy.page_shifts);
	if (copy.err.code)
		*err = copy.err;
	return copy.err.code;
}
