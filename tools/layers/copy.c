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

struct copy {
	struct smudge_chain *chain;
	const struct layers_piece *pieces;
	size_t npieces;
	int fd;
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *opaque;
	unsigned int *page_shifts; /* of the regions */
	uint64_t total_bytes;

	pthread_mutex_t lock; /* guards all below; progress is called in it */
	size_t next_piece;
	uint64_t next_page;  /* of it, from its first one */
	uint64_t done_bytes; /* of blocks that were taken, and of zeros */
	struct smudge_error err;
};

/* What one thread copies at once. */
struct block {
	size_t region;
	unsigned int page_shift;
	uint64_t first_page;
	uint64_t npages;
	uint64_t file_off;
};

/* The place is behind its end now. */
static void set_place(struct copy *copy, unsigned int shift, uint64_t page)
{
	copy->done_bytes += (page - copy->next_page) << shift;
	copy->next_page = page;
}

/* Return: 1, 0 (the piece has no more data), or -errno. */
static int take_from(struct copy *copy, const struct layers_piece *piece,
		     struct block *block, struct smudge_error *err)
{
	unsigned int shift = copy->page_shifts[piece->region];
	uint64_t end = piece->first_page + piece->npages;
	struct smudge_run run;
	int ret = smudge_chain_next_data(copy->chain, piece->region,
					 piece->first_page + copy->next_page,
					 end, &run, err);
	uint64_t npages;

	if (ret == 0)
		set_place(copy, shift, piece->npages);
	if (ret <= 0)
		return ret;
	npages =
		min_u64(max_u64(BLOCK_BYTES >> shift, 1), end - run.first_page);
	*block = (struct block){
		.region = piece->region,
		.page_shift = shift,
		.first_page = run.first_page,
		.npages = npages,
		.file_off = piece->file_off +
			    ((run.first_page - piece->first_page) << shift),
	};
	set_place(copy, shift, run.first_page + npages - piece->first_page);
	return 1;
}

/* Zeros are skipped at once: a region may be larger than any file. */
static int take_block(struct copy *copy, struct block *block,
		      struct smudge_error *err)
{
	int ret = 0;

	while (!ret && copy->next_piece < copy->npieces) {
		ret = take_from(copy, &copy->pieces[copy->next_piece], block,
				err);
		if (ret)
			break;
		copy->next_piece++;
		copy->next_page = 0;
	}
	return ret;
}

/* @ret: of the block before. Return: is there another one? */
static bool next(struct copy *copy, struct block *block, int ret,
		 struct smudge_error *err)
{
	pthread_mutex_lock(&copy->lock);
	if (!ret && !copy->err.code && copy->progress &&
	    copy->progress(copy->opaque, copy->done_bytes, copy->total_bytes))
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
		ssize_t n = pwrite(copy->fd, bytes, length, (off_t)file_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int code = n ? -errno : -EIO;

			return smudge_error_set(err, code, NAME,
						"cannot write the file: %s",
						strerror(-code));
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

/* How many bytes from @at on are zeros, or are not. */
static uint64_t run_bytes(const uint8_t *bytes, uint64_t at, uint64_t length,
			  bool are_zeros)
{
	uint64_t end = at;

	while (end < length && is_zero(bytes + end) == are_zeros)
		end += PAGE_BYTES;
	return end - at;
}

static int write_data(const struct copy *copy, const uint8_t *bytes,
		      uint64_t length, uint64_t file_off,
		      struct smudge_error *err)
{
	uint64_t at = 0;
	int ret = 0;

	while (!ret && at < length) {
		uint64_t n;

		at += run_bytes(bytes, at, length, true);
		n = run_bytes(bytes, at, length, false);
		ret = write_all(copy, bytes + at, n, file_off + at, err);
		at += n;
	}
	return ret;
}

static int copy_block(const struct copy *copy, const struct block *block,
		      uint8_t *buffer, struct smudge_error *err)
{
	int ret =
		smudge_chain_read(copy->chain, block->region, block->first_page,
				  block->npages, buffer, err);

	if (ret)
		return ret;
	return write_data(copy, buffer, block->npages << block->page_shift,
			  block->file_off, err);
}

static uint64_t buffer_bytes(const struct copy *copy)
{
	uint64_t bytes = BLOCK_BYTES;

	for (size_t i = 0; i < copy->npieces; i++)
		bytes = max_u64(
			bytes,
			UINT64_C(1)
				<< copy->page_shifts[copy->pieces[i].region]);
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
	size_t nregions = smudge_chain_nregions(copy->chain);

	copy->page_shifts = calloc(nregions + 1, sizeof(*copy->page_shifts));
	if (!copy->page_shifts)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	for (size_t i = 0; i < nregions; i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};

		(void)smudge_chain_region(copy->chain, i, &region);
		copy->page_shifts[i] = region.page_shift;
	}
	for (size_t i = 0; i < copy->npieces; i++)
		copy->total_bytes +=
			copy->pieces[i].npages
			<< copy->page_shifts[copy->pieces[i].region];
	return 0;
}

int layers_copy(struct smudge_chain *chain, const struct layers_piece *pieces,
		size_t npieces, int fd,
		int (*progress)(void *opaque, uint64_t done_bytes,
				uint64_t total_bytes),
		void *opaque, struct smudge_error *err)
{
	struct copy copy = {
		.chain = chain,
		.pieces = pieces,
		.npieces = npieces,
		.fd = fd,
		.progress = progress,
		.opaque = opaque,
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
