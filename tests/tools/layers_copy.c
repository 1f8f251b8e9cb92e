/* SPDX-License-Identifier: MIT */
/*
 * Memory of random moments, copied into a file in random pieces: the file has
 * it, zeros elsewhere, and no blocks for what was zeros from the beginning.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "folder.h"
#include "layers/copy.h"
#include "moments.h"

#define NLAYERS	    6
#define PAGE	    ((uint64_t)4096)
#define MAX_PIECES  64
#define FILE_NPAGES (3 * MOMENTS_REGIONS * MOMENTS_MAX_NPAGES)

struct plan {
	struct layers_piece pieces[MAX_PIECES];
	size_t n;
	uint64_t *wanted;  /* or NULL */
	uint8_t *expected; /* the file */
	uint64_t done_bytes, total_bytes;
	unsigned int ncalls;
};

static struct moments memory;
static uint8_t actual[FILE_NPAGES * PAGE];

/* The layer's regions are those of the moment that have pages, in order. */
static const struct moment_region *region_of(const struct moment *moment,
					     size_t index)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++)
		if (moment->regions[i].npages && !index--)
			return &moment->regions[i];
	fail();
	return NULL;
}

/* Pieces with pages of zeros between them, which no piece is for. */
static void make_plan(struct plan *plan, struct smudge_chain *chain,
		      const struct moment *moment, struct test_rng *rng)
{
	uint64_t off = 0;

	*plan = (struct plan){.expected = calloc(FILE_NPAGES, PAGE)};
	assert_non_null(plan->expected);
	for (size_t i = 0; i < smudge_chain_nregions(chain); i++) {
		const struct moment_region *region = region_of(moment, i);
		uint64_t bytes = region->npages * PAGE;
		/* they may begin and end within a large page */
		uint64_t page = test_rng_below(rng, 2)
					? PAGE
					: UINT64_C(1) << region->page_shift;

		for (uint64_t at = 0; at < bytes && plan->n < MAX_PIECES;) {
			uint64_t length =
				page *
				(1 + test_rng_below(rng, (bytes - at) / page));

			off += PAGE * test_rng_below(rng, 20);
			plan->pieces[plan->n++] = (struct layers_piece){
				.region = i,
				.region_off = at,
				.nbytes = length,
				.file_off = off,
			};
			memcpy(plan->expected + off, region->bytes + at,
			       length);
			off += length;
			at += length;
			plan->total_bytes += length;
		}
	}
	assert_true(off <= FILE_NPAGES * PAGE);
}

/* Some pages of the file only; the others are not written. */
static void choose_wanted(struct plan *plan, struct test_rng *rng)
{
	uint64_t word = 0;

	plan->wanted = calloc(FILE_NPAGES / 64 + 1, sizeof(*plan->wanted));
	assert_non_null(plan->wanted);
	for (uint64_t i = 0; i < FILE_NPAGES; i++) {
		if (i % 64 == 0)
			word = test_rng_below(rng, 3);
		if (word == 1 || (word && test_rng_below(rng, 5) == 0))
			plan->wanted[i / 64] |= UINT64_C(1) << i % 64;
		else
			memset(plan->expected + i * PAGE, 0, PAGE);
	}
}

static bool is_wanted_and_placed(const struct plan *plan, uint64_t page)
{
	for (size_t i = 0; i < plan->n; i++)
		if (page * PAGE >= plan->pieces[i].file_off &&
		    page * PAGE - plan->pieces[i].file_off <
			    plan->pieces[i].nbytes)
			return plan->wanted[page / 64] >> page % 64 & 1;
	return false;
}

/* Zeros are data where they were wanted, and holes elsewhere. */
static void check_data(const struct plan *plan, int fd)
{
	uint64_t page = 0;

	while (page < FILE_NPAGES) {
		off_t data = lseek(fd, (off_t)(page * PAGE), SEEK_DATA);
		off_t hole = lseek(fd, data, SEEK_HOLE);
		uint64_t first = data < 0 ? FILE_NPAGES : (uint64_t)data / PAGE;
		uint64_t end = data < 0 ? FILE_NPAGES : (uint64_t)hole / PAGE;

		for (; page < end; page++)
			assert_int_equal(page >= first,
					 is_wanted_and_placed(plan, page));
	}
}

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct plan *plan = opaque;

	assert_true(done_bytes >= plan->done_bytes);
	assert_true(done_bytes <= total_bytes);
	assert_int_equal(total_bytes, plan->total_bytes);
	plan->done_bytes = done_bytes;
	plan->ncalls++;
	return 0;
}

static int cancel_second(void *opaque, uint64_t done_bytes,
			 uint64_t total_bytes)
{
	struct plan *plan = opaque;

	return ++plan->ncalls == 2;
}

static int open_file(void)
{
	int fd = open("memory", O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, sizeof(actual)), 0);
	return fd;
}

static int copy(struct smudge_chain *chain, struct plan *plan, int fd,
		int (*progress_of)(void *opaque, uint64_t done_bytes,
				   uint64_t total_bytes),
		struct smudge_error *err)
{
	const struct layers_copying copying = {
		.chain = chain,
		.pieces = plan->pieces,
		.npieces = plan->n,
		.fd = fd,
		.path = "memory",
		.wanted = plan->wanted,
		.progress = progress_of,
		.opaque = plan,
	};

	return layers_copy(&copying, err);
}

static void check_copy(struct smudge_chain *chain, struct test_rng *rng,
		       bool has_wanted)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int fd = open_file();
	struct plan plan;

	make_plan(&plan, chain, &memory.now, rng);
	if (has_wanted)
		choose_wanted(&plan, rng);
	assert_int_equal(copy(chain, &plan, fd, progress, &err), 0);
	assert_int_equal(plan.done_bytes, plan.total_bytes);
	assert_int_equal(pread(fd, actual, sizeof(actual), 0), sizeof(actual));
	assert_memory_equal(actual, plan.expected, sizeof(actual));
	if (has_wanted)
		check_data(&plan, fd);
	close(fd);
	free(plan.wanted);
	free(plan.expected);
}

static void copies(void **state)
{
	struct test_rng rng = test_rng_start("layers copy");

	moments_open(&memory, "layers");
	for (size_t i = 0; i < NLAYERS; i++) {
		struct smudge_chain *chain;

		moments_change(&memory, &rng, i % 3 == 2);
		moments_save(&memory, i == 0);
		chain = moments_chain("layers", 0);
		check_copy(chain, &rng, false);
		check_copy(chain, &rng, true);
		smudge_chain_close(chain);
	}
	moments_close(&memory);
}

/* One thread or more has blocks under way when it is cancelled. */
static void cancelled(void **state)
{
	struct test_rng rng = test_rng_start("layers copy cancelled");
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_chain *chain;
	struct plan plan;
	int fd = open_file();

	moments_open(&memory, "layers");
	moments_change(&memory, &rng, false);
	moments_save(&memory, true);
	chain = moments_chain("layers", 0);
	make_plan(&plan, chain, &memory.now, &rng);
	assert_int_equal(copy(chain, &plan, fd, cancel_second, &err),
			 -ECANCELED);
	assert_int_equal(plan.ncalls, 2);
	smudge_chain_close(chain);
	moments_close(&memory);
	free(plan.expected);
	close(fd);
}

static void unwritable(void **state)
{
	struct test_rng rng = test_rng_start("layers copy unwritable");
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_chain *chain;
	struct plan plan;
	int fd = open("/dev/full", O_WRONLY);

	assert_true(fd >= 0);
	moments_open(&memory, "layers");
	moments_change(&memory, &rng, false);
	moments_save(&memory, true);
	chain = moments_chain("layers", 0);
	make_plan(&plan, chain, &memory.now, &rng);
	assert_int_equal(copy(chain, &plan, fd, NULL, &err), -ENOSPC);
	assert_non_null(strstr(err.message, "cannot write memory: No space"));
	smudge_chain_close(chain);
	moments_close(&memory);
	free(plan.expected);
	close(fd);
}

static void damaged(void **state)
{
	struct test_rng rng = test_rng_start("layers copy damaged");
	struct smudge_error err = SMUDGE_ERROR_INIT;
	uint8_t byte = 0;
	struct smudge_chain *chain;
	struct plan plan;
	int fd, layer;

	moments_open(&memory, "layers");
	moments_change(&memory, &rng, false);
	moments_save(&memory, true);
	chain = moments_chain("layers", 0);
	make_plan(&plan, chain, &memory.now, &rng);
	fd = open_file();
	layer = open("layers/layer-00000001.qcow2", O_RDWR);
	assert_true(layer >= 0);
	/* all but the image's header, which the chain has read */
	for (off_t at = PAGE; pread(layer, &byte, 1, at) == 1; at++) {
		byte ^= 0x5a;
		assert_int_equal(pwrite(layer, &byte, 1, at), 1);
	}
	close(layer);
	assert_true(copy(chain, &plan, fd, NULL, &err) < 0);
	assert_true(err.message[0]);
	smudge_chain_close(chain);
	moments_close(&memory);
	free(plan.expected);
	close(fd);
}

TEST_MAIN_WITH(folder_enter, folder_leave, copies, cancelled, unwritable,
	       damaged)
