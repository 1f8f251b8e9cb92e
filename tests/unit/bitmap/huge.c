/* SPDX-License-Identifier: MIT */
/*
 * Maps far larger than any memory here: 1 TiB and 4 PiB of guest. Runs longer
 * than 32 bits, counts that do not fit in them, and memory that follows what
 * is dirty, not what is mapped.
 */
#include "support.h"

#include <stdlib.h>

#include <smudge/bitmap.h>

#define TIB_PAGES (UINT64_C(1) << 28)
#define MIB	  ((size_t)1 << 20)

static struct smudge_bitmap *create(uint64_t npages)
{
	struct smudge_bitmap *bitmap = NULL;

	assert_int_equal(smudge_bitmap_create(npages, &bitmap, NULL), 0);
	return bitmap;
}

/* Take everything in order; return the number of pages. */
static uint64_t take_all(struct smudge_bitmap *bitmap)
{
	uint64_t npages = smudge_bitmap_npages(bitmap), at = 0, sum = 0;
	struct smudge_batch *batch;

	assert_int_equal(smudge_batch_create(4096, &batch, NULL), 0);
	while (at < npages) {
		uint64_t end = 0;

		assert_int_equal(
			smudge_bitmap_take(bitmap, at, npages - at, batch), 0);
		for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
			struct smudge_run run = smudge_batch_run(batch, i);

			assert_true(run.npages);
			assert_true(i ? run.first_page > end
				      : run.first_page >= at);
			end = run.first_page + run.npages;
			sum += run.npages;
		}
		assert_true(end <= smudge_batch_end_page(batch));
		assert_true(smudge_batch_end_page(batch) > at);
		at = smudge_batch_end_page(batch);
		smudge_batch_discard(batch);
	}
	assert_int_equal(smudge_batch_destroy(batch), 0);
	return sum;
}

static void test_largest_map(void **state)
{
	struct smudge_bitmap *bitmap = create(SMUDGE_BITMAP_MAX_PAGES);
	uint64_t last = SMUDGE_BITMAP_MAX_PAGES - 1, block = 0;
	struct smudge_run run;

	smudge_bitmap_mark(bitmap, last);
	smudge_bitmap_mark(bitmap, last / 2);
	assert_true(smudge_bitmap_resident_bytes(bitmap) < MIB);
	assert_true(smudge_bitmap_test(bitmap, last));
	assert_true(smudge_bitmap_next_dirty(bitmap, 0, UINT64_MAX, &run));
	assert_true(run.first_page == last / 2 && run.npages == 1);
	assert_true(
		smudge_bitmap_next_clean(bitmap, last / 2, UINT64_MAX, &run));
	assert_true(run.first_page == last / 2 + 1);
	assert_true(run.npages == last - run.first_page);
	assert_true(smudge_bitmap_next_block(bitmap, 39, 1, &block));
	assert_true(block == 1);
	assert_int_equal(take_all(bitmap), 2);
	smudge_bitmap_destroy(bitmap);
}

static void test_runs_beyond_32_bits(void **state)
{
	uint64_t npages = (UINT64_C(1) << 34) + 17;
	struct smudge_bitmap *bitmap = create(npages);

	smudge_bitmap_fill(bitmap);
	assert_true(smudge_bitmap_count(bitmap, 0, UINT64_MAX) == npages);
	assert_true(smudge_bitmap_all(bitmap, 0, npages));
	assert_true(take_all(bitmap) == npages);
	assert_false(smudge_bitmap_any(bitmap, 0, npages));
	smudge_bitmap_destroy(bitmap);
}

static void test_fill_is_small(void **state)
{
	struct smudge_bitmap *bitmap = create(TIB_PAGES);
	struct smudge_run run;

	smudge_bitmap_set_range(bitmap, 0, TIB_PAGES / 2);
	smudge_bitmap_fill(bitmap);
	assert_true(smudge_bitmap_resident_bytes(bitmap) < 2 * MIB);
	assert_true(smudge_bitmap_next_dirty(bitmap, 5, TIB_PAGES - 3, &run));
	assert_true(run.first_page == 5 && run.npages == TIB_PAGES - 8);
	assert_false(smudge_bitmap_next_clean(bitmap, 0, TIB_PAGES, &run));
	smudge_bitmap_clear_range(bitmap, 12345, 1);
	assert_true(smudge_bitmap_next_clean(bitmap, 0, TIB_PAGES, &run));
	assert_true(run.first_page == 12345 && run.npages == 1);
	assert_true(take_all(bitmap) == TIB_PAGES - 1);
	smudge_bitmap_destroy(bitmap);
}

static void test_memory_follows_dirty(void **state)
{
	struct test_rng rng = test_rng_start("bitmap_huge");
	struct smudge_bitmap *bitmap = create(TIB_PAGES);
	size_t empty = smudge_bitmap_resident_bytes(bitmap);

	assert_true(empty < MIB);
	for (int i = 0; i < 100; i++)
		smudge_bitmap_mark(bitmap, test_rng_below(&rng, TIB_PAGES));
	assert_true(smudge_bitmap_resident_bytes(bitmap) > empty);
	assert_true(smudge_bitmap_resident_bytes(bitmap) < 4 * MIB);
	smudge_bitmap_empty(bitmap);
	assert_false(smudge_bitmap_any(bitmap, 0, TIB_PAGES));
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_largest_map, test_runs_beyond_32_bits, test_fill_is_small,
	  test_memory_follows_dirty)
