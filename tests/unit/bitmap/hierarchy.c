/* SPDX-License-Identifier: MIT */
/*
 * Queries at the edges of a hierarchical bitmap, through the public header
 * alone: where levels begin and end (64, 4096, 262144 pages, one less, one
 * more), sizes that fill no word, walks that begin in the middle, questions
 * about nothing. Expected runs are written out or follow from the ends of a
 * range; there is no second bitmap to agree with. Once for each vector variant.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#define LEVEL_2	 UINT64_C(262144)
#define NPAGES	 (2 * LEVEL_2 + 4096 + 70)
#define MAX_BITS (NPAGES + 256)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint64_t sizes[] = {
	1,	 2,	      63,	   64,	  65,	       127,    128,
	129,	 4095,	      4096,	   4097,  4160,	       8191,   8193,
	LEVEL_2, LEVEL_2 - 1, LEVEL_2 + 1, 12345, 2 * LEVEL_2, NPAGES,
};

/* Places where something begins or ends on some level. */
static const uint64_t places[] = {
	0,
	1,
	63,
	64,
	65,
	511,
	4095,
	4096,
	4097,
	8192,
	LEVEL_2 - 1,
	LEVEL_2,
	LEVEL_2 + 1,
	2 * LEVEL_2 - 1,
	2 * LEVEL_2,
	2 * LEVEL_2 + 1,
	NPAGES - 70 - 1,
	NPAGES - 6,
	NPAGES - 1,
	NPAGES,
};

static struct smudge_bitmap *create(uint64_t npages)
{
	struct smudge_bitmap *bitmap;

	assert_int_equal(smudge_bitmap_create(npages, &bitmap, NULL), 0);
	return bitmap;
}

/* A kernel's bitmap: byte by byte it is the same on every machine. */
static uint8_t *create_bits(uint8_t byte)
{
	uint8_t *bits = malloc(MAX_BITS / 8 + 8);

	assert_non_null(bits);
	memset(bits, byte, MAX_BITS / 8 + 8);
	return bits;
}

static void expect_run(bool is_found, const struct smudge_run *got,
		       uint64_t first, uint64_t end)
{
	assert_int_equal(is_found, first < end);
	if (!is_found)
		return;
	assert_int_equal(got->first_page, first);
	assert_int_equal(got->npages, end - first);
}

static void expect_dirty(struct smudge_bitmap *bitmap, uint64_t at,
			 uint64_t first, uint64_t end)
{
	struct smudge_run run = {0};

	expect_run(smudge_bitmap_next_dirty(bitmap, at, UINT64_MAX, &run), &run,
		   first, end);
}

static void expect_clean(struct smudge_bitmap *bitmap, uint64_t at,
			 uint64_t first, uint64_t end)
{
	struct smudge_run run = {0};

	expect_run(smudge_bitmap_next_clean(bitmap, at, UINT64_MAX, &run), &run,
		   first, end);
}

/* Dirty are [first, end) and nothing else; an empty range is none. */
static void expect_only(struct smudge_bitmap *bitmap, uint64_t first,
			uint64_t end)
{
	uint64_t npages = smudge_bitmap_npages(bitmap);

	expect_dirty(bitmap, 0, first, end);
	if (first >= end)
		first = end = 0;
	assert_int_equal(smudge_bitmap_count(bitmap, 0, npages), end - first);
	assert_true(smudge_bitmap_all(bitmap, first, end - first));
	assert_false(smudge_bitmap_any(bitmap, 0, first));
	assert_false(smudge_bitmap_any(bitmap, end, UINT64_MAX));
	expect_dirty(bitmap, end, 0, 0);
	expect_clean(bitmap, end, end, npages);
	expect_clean(bitmap, 0, first ? 0 : end, first ? first : npages);
	assert_false(first && smudge_bitmap_test(bitmap, first - 1));
	assert_int_equal(smudge_bitmap_test(bitmap, first), first < end);
	assert_false(smudge_bitmap_test(bitmap, end));
}

static void check_ends(struct smudge_bitmap *bitmap, uint64_t npages)
{
	uint64_t block;

	expect_only(bitmap, 0, 0);
	smudge_bitmap_set_range(bitmap, npages - 1, 1);
	expect_only(bitmap, npages - 1, npages);
	smudge_bitmap_clear_range(bitmap, npages - 1, UINT64_MAX);
	expect_only(bitmap, 0, 0);
	smudge_bitmap_mark(bitmap, 0);
	expect_only(bitmap, 0, 1);
	smudge_bitmap_set_range(bitmap, 0, UINT64_MAX);
	expect_only(bitmap, 0, npages);
	smudge_bitmap_clear_range(bitmap, npages - 1, 1);
	expect_only(bitmap, 0, npages - 1);
	smudge_bitmap_fill(bitmap);
	expect_only(bitmap, 0, npages);
	smudge_bitmap_clear_range(bitmap, 0, 1);
	expect_only(bitmap, 1, npages);
	assert_false(smudge_bitmap_next_block(bitmap, 0, npages, &block));
	smudge_bitmap_empty(bitmap);
}

/* What lies outside is no page, in any call. */
static void check_outside(struct smudge_bitmap *bitmap, uint64_t npages,
			  const uint8_t *ones)
{
	smudge_bitmap_mark(bitmap, npages);
	smudge_bitmap_mark(bitmap, UINT64_MAX);
	smudge_bitmap_mark_range(bitmap, npages, UINT64_MAX);
	smudge_bitmap_mark_range(bitmap, 0, 0);
	smudge_bitmap_set_range(bitmap, npages, 64);
	smudge_bitmap_set_range(bitmap, UINT64_MAX, UINT64_MAX);
	smudge_bitmap_clear_range(bitmap, npages, UINT64_MAX);
	expect_only(bitmap, 0, 0);
	assert_int_equal(
		smudge_bitmap_merge(&bitmap, 1, 0, ones, 0, npages + 1),
		-EINVAL);
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, npages, ones, 0, 1),
			 -EINVAL);
	assert_int_equal(
		smudge_bitmap_merge(&bitmap, 1, UINT64_MAX, ones, 0, 2),
		-EINVAL);
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, npages, ones, 0, 0),
			 0);
	expect_only(bitmap, 0, 0);
	smudge_bitmap_mark_range(bitmap, npages - 1, UINT64_MAX);
	expect_only(bitmap, npages - 1, npages);
	smudge_bitmap_empty(bitmap);
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, 0, ones, 0, npages),
			 0);
	expect_only(bitmap, 0, npages);
}

static void test_sizes(void **state)
{
	uint8_t *ones = create_bits(0xff);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct smudge_bitmap *bitmap = create(sizes[i]);

		check_ends(bitmap, sizes[i]);
		check_outside(bitmap, sizes[i], ones);
		smudge_bitmap_destroy(bitmap);
	}
	free(ones);
}

/* Every way to make a range dirty, in turn. */
static void dirty_range(struct smudge_bitmap *bitmap, unsigned int way,
			const uint8_t *ones, uint64_t first, uint64_t end)
{
	if (way % 3 == 0)
		smudge_bitmap_set_range(bitmap, first, end - first);
	else if (way % 3 == 1)
		smudge_bitmap_mark_range(bitmap, first, end - first);
	else
		assert_int_equal(smudge_bitmap_merge(&bitmap, 1, first, ones,
						     way % 64, end - first),
				 0);
}

/* Dirty [first, end), then a hole [first + 1, end - 1), then nothing. */
static void check_range(struct smudge_bitmap *bitmap, uint64_t first,
			uint64_t end)
{
	expect_only(bitmap, first, end);
	if (end - first > 2) {
		smudge_bitmap_clear_range(bitmap, first + 1, end - first - 2);
		expect_dirty(bitmap, 0, first, first + 1);
		expect_clean(bitmap, first, first + 1, end - 1);
		expect_dirty(bitmap, first + 1, end - 1, end);
		assert_int_equal(smudge_bitmap_count(bitmap, first, NPAGES), 2);
		smudge_bitmap_clear_range(bitmap, first, 1);
		expect_only(bitmap, end - 1, end);
	}
	smudge_bitmap_clear_range(bitmap, first, end - first);
	expect_only(bitmap, 0, 0);
}

static void test_ranges_across_levels(void **state)
{
	struct smudge_bitmap *bitmap = create(NPAGES);
	uint8_t *ones = create_bits(0xff);
	unsigned int way = 0;

	for (size_t i = 0; i < COUNT(places); i++)
		for (size_t j = i + 1; j < COUNT(places); j++, way++) {
			dirty_range(bitmap, way, ones, places[i], places[j]);
			check_range(bitmap, places[i], places[j]);
		}
	free(ones);
	smudge_bitmap_destroy(bitmap);
}

/* The same with everything around dirty: a hole at every place. */
static void test_holes_across_levels(void **state)
{
	struct smudge_bitmap *bitmap = create(NPAGES);

	for (size_t i = 0; i < COUNT(places); i++)
		for (size_t j = i + 1; j < COUNT(places); j++) {
			uint64_t first = places[i], end = places[j];

			smudge_bitmap_fill(bitmap);
			smudge_bitmap_clear_range(bitmap, first, end - first);
			expect_clean(bitmap, 0, first, end);
			expect_clean(bitmap, end, 0, 0);
			expect_dirty(bitmap, first, end,
				     end < NPAGES ? NPAGES : 0);
			assert_false(
				smudge_bitmap_any(bitmap, first, end - first));
			assert_int_equal(smudge_bitmap_count(bitmap, 0, NPAGES),
					 NPAGES - (end - first));
		}
	smudge_bitmap_destroy(bitmap);
}

static void check_nothing(struct smudge_bitmap *bitmap, uint64_t at)
{
	struct smudge_run run = {11, 22};

	assert_false(smudge_bitmap_next_dirty(bitmap, at, at, &run));
	assert_false(smudge_bitmap_next_clean(bitmap, at, at, &run));
	assert_false(smudge_bitmap_next_dirty(bitmap, at + 1, at, &run));
	assert_false(smudge_bitmap_next_clean(bitmap, at + 1, at, &run));
	assert_false(
		smudge_bitmap_next_dirty(bitmap, NPAGES, UINT64_MAX, &run));
	assert_false(
		smudge_bitmap_next_clean(bitmap, NPAGES, UINT64_MAX, &run));
	assert_int_equal(run.first_page, 11);
	assert_int_equal(run.npages, 22);
	assert_int_equal(smudge_bitmap_count(bitmap, at, 0), 0);
	assert_false(smudge_bitmap_any(bitmap, at, 0));
	assert_true(smudge_bitmap_all(bitmap, at, 0));
}

/* A walk that begins or ends inside a run sees that part of it. */
static void test_walk_from_inside(void **state)
{
	struct smudge_bitmap *bitmap = create(NPAGES);

	for (size_t i = 0; i + 2 < COUNT(places); i++) {
		uint64_t first = places[i] + 1, end = places[i + 2];
		uint64_t middle = first + (end - first) / 2;
		struct smudge_run run;

		if (first >= end)
			continue;
		smudge_bitmap_empty(bitmap);
		smudge_bitmap_set_range(bitmap, first, end - first);
		expect_dirty(bitmap, middle, middle, end);
		expect_dirty(bitmap, end - 1, end - 1, end);
		expect_clean(bitmap, middle, end, NPAGES);
		expect_run(smudge_bitmap_next_dirty(bitmap, 0, middle, &run),
			   &run, first, middle);
		expect_run(smudge_bitmap_next_clean(bitmap, 0, middle, &run),
			   &run, 0, first);
		expect_run(smudge_bitmap_next_clean(bitmap, first - 1, first,
						    &run),
			   &run, first - 1, first);
		assert_false(smudge_bitmap_next_dirty(bitmap, 0, first, &run));
		assert_false(
			smudge_bitmap_next_clean(bitmap, first, end, &run));
		check_nothing(bitmap, first);
		check_nothing(bitmap, middle);
	}
	smudge_bitmap_destroy(bitmap);
}

/* A consumer that cleans each run it found, and marks some others. */
static void test_walk_that_clears(void **state)
{
	struct smudge_bitmap *bitmap = create(NPAGES);
	struct smudge_run run;
	uint64_t at = 0;

	for (size_t i = 0; i + 1 < COUNT(places); i++)
		smudge_bitmap_mark(bitmap, places[i]);
	while (smudge_bitmap_next_dirty(bitmap, at, NPAGES, &run)) {
		assert_true(run.first_page >= at);
		smudge_bitmap_clear_range(bitmap, run.first_page, run.npages);
		at = run.first_page + run.npages;
		if (run.first_page == 511)
			smudge_bitmap_mark_range(bitmap, 300, 500);
	}
	/* marks behind the walk stay, marks ahead of it were found */
	expect_only(bitmap, 300, 512);
	smudge_bitmap_destroy(bitmap);
}

/* One dirty page: every granularity finds its block, and no other. */
static void check_blocks_of(struct smudge_bitmap *bitmap, uint64_t page)
{
	for (unsigned int shift = 0; shift <= 40; shift++) {
		uint64_t block = 77;

		assert_true(smudge_bitmap_next_block(bitmap, shift, 0, &block));
		assert_int_equal(block, page >> shift);
		assert_true(
			smudge_bitmap_next_block(bitmap, shift, block, &block));
		assert_int_equal(block, page >> shift);
		assert_false(smudge_bitmap_next_block(bitmap, shift, block + 1,
						      &block));
		assert_false(smudge_bitmap_next_block(bitmap, shift, UINT64_MAX,
						      &block));
		assert_int_equal(block, page >> shift);
	}
}

static void test_blocks(void **state)
{
	struct smudge_bitmap *bitmap = create(NPAGES);
	uint64_t block, n;

	for (size_t i = 0; i + 1 < COUNT(places); i++) {
		smudge_bitmap_mark(bitmap, places[i]);
		check_blocks_of(bitmap, places[i]);
		smudge_bitmap_clear_range(bitmap, places[i], 1);
	}
	assert_false(smudge_bitmap_next_block(bitmap, 0, 0, &block));
	smudge_bitmap_fill(bitmap);
	for (unsigned int shift = 4; shift <= 20; shift++) {
		for (n = 0; smudge_bitmap_next_block(bitmap, shift, n, &block);
		     n++)
			assert_int_equal(block, n);
		/* the last one is a part of a block, and counts */
		assert_int_equal(n, ((NPAGES - 1) >> shift) + 1);
	}
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_sizes, test_ranges_across_levels, test_holes_across_levels,
	  test_walk_from_inside, test_walk_that_clears, test_blocks)
