/* SPDX-License-Identifier: MIT */
/*
 * A memory of several blocks, in a chain of several layers, worked through by
 * one thread and by many: each page once, and as the newest layer has it.
 */
#include "checkpoint/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <smudge/checkpoint.h>

#include "folder.h"
#include "moments.h"
#include "slow.h"
#include "support.h"

#define PAGE	 4096
#define NREGIONS 4
#define NLAYERS	 6

/* Several blocks; nothing touched; a page; not a whole number of parts. */
static const uint64_t region_npages[NREGIONS] = {80000, 70000, 1, 40001};
static const unsigned int thread_counts[] = {1, 2, 3, 8};

struct memory {
	struct smudge_memory *memory;
	struct smudge_region *regions[NREGIONS];
	uint8_t *bytes[NREGIONS];
};

static struct memory machine;
/* What each page was written with last; 0: zeros. */
static uint32_t *values[NREGIONS];

static void open_memory(struct memory *m)
{
	static const char *const names[NREGIONS] = {"low", "idle", "rom",
						    "high"};

	assert_int_equal(smudge_memory_create(&m->memory), 0);
	for (size_t i = 0; i < NREGIONS; i++) {
		size_t bytes = region_npages[i] * PAGE;
		struct smudge_region_options options = {
			.size = sizeof(options),
			.name = names[i],
			.gpa = (uint64_t)i << 32,
			.size_bytes = bytes,
			.page_shift = 12,
		};

		m->bytes[i] = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				   -1, 0);
		assert_ptr_not_equal(m->bytes[i], MAP_FAILED);
		options.hva = m->bytes[i];
		assert_int_equal(smudge_region_add(m->memory, &options,
						   &m->regions[i], NULL),
				 0);
	}
}

static void close_memory(struct memory *m)
{
	assert_int_equal(smudge_memory_destroy(m->memory, NULL), 0);
	for (size_t i = 0; i < NREGIONS; i++)
		munmap(m->bytes[i], region_npages[i] * PAGE);
}

/* Half of the values compress, and half do not. */
static void fill_page(uint8_t *page, uint32_t value)
{
	uint64_t state = value;

	for (size_t i = 0; i < PAGE; i += sizeof(state)) {
		if (value % 2)
			state = state * UINT64_C(6364136223846793005) + value;
		memcpy(page + i, &state, sizeof(state));
	}
}

static void write_page(size_t region, uint64_t page, uint32_t value)
{
	values[region][page] = value;
	fill_page(machine.bytes[region] + page * PAGE, value);
	smudge_region_mark(machine.regions[region], page, 1);
}

static void write_some(struct test_rng *rng, uint32_t layer)
{
	for (uint32_t i = 0; i < 40; i++) {
		size_t region = i % 2 ? 3 : 0;
		uint64_t first = test_rng_below(rng, region_npages[region]);
		uint64_t n = test_rng_below(rng, i % 8 ? 8 : 3000) + 1;

		for (; n && first < region_npages[region]; n--, first++)
			write_page(region, first,
				   test_rng_below(rng, 8)
					   ? layer << 20 | i << 8 |
						     (uint32_t)(first & 0xff)
					   : 0);
	}
	write_page(2, 0, layer);
}

static void save_layers(void)
{
	struct test_rng rng = test_rng_start("parts");
	struct smudge_checkpointer_options options = {.size = sizeof(options),
						      .folder = "chain"};
	struct smudge_checkpointer *cp;
	uint64_t ticket;

	assert_int_equal(
		smudge_checkpointer_create(machine.memory, &options, &cp, NULL),
		0);
	for (uint32_t i = 1; i <= NLAYERS; i++) {
		write_some(&rng, i);
		assert_int_equal(
			smudge_checkpointer_save(cp, NULL, &ticket, NULL), 0);
		assert_int_equal(
			smudge_checkpointer_wait(cp, ticket, NULL, NULL), 0);
	}
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
}

static int set_up(void **state)
{
	if (folder_enter(state) < 0)
		return -1;
	for (size_t i = 0; i < NREGIONS; i++)
		values[i] = calloc(region_npages[i], sizeof(*values[i]));
	open_memory(&machine);
	save_layers();
	return 0;
}

static int tear_down(void **state)
{
	close_memory(&machine);
	for (size_t i = 0; i < NREGIONS; i++)
		free(values[i]);
	return folder_leave(state);
}

static bool is_page(const uint8_t *page, uint32_t value)
{
	static const uint8_t zeros[PAGE];
	static uint8_t expected[PAGE];

	if (!value)
		return memcmp(page, zeros, PAGE) == 0;
	fill_page(expected, value);
	return memcmp(page, expected, PAGE) == 0;
}

static void check_memory(const struct memory *m)
{
	for (size_t i = 0; i < NREGIONS; i++)
		for (uint64_t page = 0; page < region_npages[i]; page++)
			if (!is_page(m->bytes[i] + page * PAGE,
				     values[i][page]))
				fail_msg("region %zu differs in page %" PRIu64,
					 i, page);
}

/* @spoil: in memory that has something else */
static void restore(unsigned int nthreads, bool spoil)
{
	const struct smudge_restore_options options = {.size = sizeof(options),
						       .nthreads = nthreads};
	struct smudge_chain *chain = moments_chain("chain", NLAYERS);
	struct smudge_error err;
	struct memory to;

	open_memory(&to);
	for (uint64_t page = 0; spoil && page < region_npages[0]; page += 3)
		to.bytes[0][page * PAGE + 7] = 1;
	if (smudge_restore(to.memory, chain, &options, &err) < 0)
		fail_msg("%s", err.message);
	check_memory(&to);
	close_memory(&to);
	smudge_chain_close(chain);
}

static void comes_back_by_any_number_of_threads(void **state)
{
	struct test_rng rng = test_rng_start("parts threads");

	(void)state;
	for (size_t i = 0; i < sizeof(thread_counts) / sizeof(unsigned int);
	     i++) {
		bool spoil = test_rng_below(&rng, 2);

		restore(thread_counts[i], spoil);
		if (TEST_STEP == 1)
			restore(thread_counts[i], !spoil);
	}
}

/* ---- each page once --------------------------------------------------- */

struct count {
	pthread_mutex_t lock;
	uint8_t *times[NREGIONS]; /* lock; that each page was worked on */
	uint64_t left;		  /* lock; pages until work fails */
	uint64_t done_bytes;	  /* progress is never called twice at once */
	uint64_t stop_bytes;	  /* there progress cancels; 0: nowhere */
};

static int count_part(void *opaque, struct smi_page_reader *reader,
		      void *buffer, const struct smi_part *part, bool are_zeros,
		      struct smudge_error *err)
{
	struct count *count = opaque;
	int ret = 0;

	(void)reader;
	memset(buffer, 1, 64);
	pthread_mutex_lock(&count->lock);
	for (uint64_t i = 0; i < part->npages; i++) {
		assert_false(are_zeros &&
			     values[part->region][part->first_page + i]);
		count->times[part->region][part->first_page + i]++;
	}
	assert_true(are_zeros || part->npages <= SMI_PART_PAGES);
	if (count->left < part->npages)
		ret = smudge_error_set(err, -EXDEV, "test", "far enough");
	else
		count->left -= part->npages;
	pthread_mutex_unlock(&count->lock);
	return ret;
}

static int note_progress(void *opaque, uint64_t done_bytes,
			 uint64_t total_bytes)
{
	struct count *count = opaque;

	assert_true(done_bytes > count->done_bytes);
	/* no call after the one that cancelled */
	assert_true(!count->stop_bytes ||
		    count->done_bytes < count->stop_bytes);
	assert_true(done_bytes <= total_bytes);
	count->done_bytes = done_bytes;
	return count->stop_bytes && done_bytes >= count->stop_bytes;
}

static int each(struct count *count, const bool *is_left_out,
		unsigned int nthreads, struct smudge_error *err)
{
	struct smudge_chain *chain = moments_chain("chain", NLAYERS);
	const struct smi_parts parts = {
		.chain = chain,
		.is_left_out = is_left_out,
		.nthreads = nthreads,
		.progress = note_progress,
		.progress_opaque = count,
		.work = count_part,
		.opaque = count,
	};
	int ret;

	pthread_mutex_init(&count->lock, NULL);
	for (size_t i = 0; i < NREGIONS; i++) {
		count->times[i] = calloc(region_npages[i], 1);
		assert_non_null(count->times[i]);
	}
	ret = smi_parts_each(&parts, err);
	smudge_chain_close(chain);
	return ret;
}

static void check_times(struct count *count, const bool *is_left_out,
			bool are_all)
{
	for (size_t i = 0; i < NREGIONS; i++) {
		uint8_t most = !is_left_out || !is_left_out[i];
		uint8_t least = are_all ? most : 0;

		for (uint64_t page = 0; page < region_npages[i]; page++)
			if (count->times[i][page] < least ||
			    count->times[i][page] > most)
				fail_msg("page %" PRIu64 " of region %zu: %d",
					 page, i, count->times[i][page]);
		free(count->times[i]);
	}
}

static void each_page_once(void **state)
{
	static const bool left_out[NREGIONS] = {false, true, false, true};

	(void)state;
	for (size_t i = 0; i < sizeof(thread_counts) / sizeof(unsigned int);
	     i++) {
		struct count all = {.left = UINT64_MAX}, some = all;

		assert_int_equal(each(&all, NULL, thread_counts[i], NULL), 0);
		assert_int_equal(all.done_bytes, 190002 * PAGE);
		check_times(&all, NULL, true);
		assert_int_equal(each(&some, left_out, thread_counts[i], NULL),
				 0);
		assert_int_equal(some.done_bytes, 80001 * PAGE);
		check_times(&some, left_out, true);
	}
}

static void the_first_failure_ends_it(void **state)
{
	struct test_rng rng = test_rng_start("parts failure");

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		struct count count = {.left = test_rng_below(&rng, 150000)};
		struct smudge_error err = SMUDGE_ERROR_INIT;

		assert_int_equal(each(&count, NULL, 1 + i % 4, &err), -EXDEV);
		assert_int_equal(err.code, -EXDEV);
		assert_string_equal(err.message, "far enough");
		check_times(&count, NULL, false);
	}
}

static void progress_cancels(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct count count = {.left = UINT64_MAX,
				      .stop_bytes =
					      1 + (uint64_t)i * 20000 * PAGE};
		struct smudge_error err = SMUDGE_ERROR_INIT;

		assert_int_equal(each(&count, NULL, 1 + i % 4, &err),
				 -ECANCELED);
		assert_int_equal(err.code, -ECANCELED);
		assert_true(count.done_bytes >= count.stop_bytes);
		check_times(&count, NULL, false);
	}
}

TEST_MAIN_WITH(set_up, tear_down, comes_back_by_any_number_of_threads,
	       each_page_once, the_first_failure_ends_it, progress_cancels)
