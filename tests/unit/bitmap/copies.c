/* SPDX-License-Identifier: MIT */
/*
 * Bits that go somewhere and come back: a bitmap taken as runs, written down
 * as a kernel's bitmap, and merged into another, in parts of any size and at
 * any offset; merges with nothing, with everything and with what is there
 * already; takes that are returned. Through the public header alone, once for
 * each vector variant.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#define NPAGES	 (UINT64_C(262144) + 4096 + 70)
#define NBYTES	 ((NPAGES + 4096) / 8 + 16)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum pattern {
	NONE,
	ALL,
	FIRST_AND_LAST,
	ALTERNATING,
	WORDS,	 /* every third word of 64 pages */
	GROUPS,	 /* every other group of 4096 pages */
	CLUSTER, /* one run over the edge of the uppermost level */
	RANDOM,
	NPATTERNS,
};

struct rig {
	struct test_rng rng;
	struct smudge_bitmap *a, *b;
	struct smudge_batch *batch;
	uint8_t *bits, *copy; /* NBYTES, as a kernel writes them */
};

static void open_rig(struct rig *rig, size_t max_runs)
{
	rig->rng = test_rng_start("bitmap_copies");
	assert_int_equal(smudge_bitmap_create(NPAGES, &rig->a, NULL), 0);
	assert_int_equal(smudge_bitmap_create(NPAGES, &rig->b, NULL), 0);
	assert_int_equal(smudge_batch_create(max_runs, &rig->batch, NULL), 0);
	rig->bits = calloc(NBYTES, 1);
	rig->copy = calloc(NBYTES, 1);
	assert_non_null(rig->bits);
	assert_non_null(rig->copy);
}

static void close_rig(struct rig *rig)
{
	smudge_bitmap_destroy(rig->a);
	smudge_bitmap_destroy(rig->b);
	assert_int_equal(smudge_batch_destroy(rig->batch), 0);
	free(rig->bits);
	free(rig->copy);
}

static bool is_in(struct rig *rig, enum pattern pattern, uint64_t page)
{
	switch (pattern) {
	case NONE:
		return false;
	case ALL:
		return true;
	case FIRST_AND_LAST:
		return page == 0 || page == NPAGES - 1;
	case ALTERNATING:
		return page & 1;
	case WORDS:
		return page / 64 % 3 == 0;
	case GROUPS:
		return page / 4096 & 1;
	case CLUSTER:
		return page >= 262144 - 5000 && page < 262144 + 77;
	default:
		return test_rng_below(&rig->rng, 16) == 0;
	}
}

static void set_bit(uint8_t *bits, uint64_t page)
{
	bits[page / 8] |= (uint8_t)(1U << page % 8);
}

/* Both bitmaps empty, the pattern in rig->bits, and all beyond it dirty. */
static void draw(struct rig *rig, enum pattern pattern)
{
	smudge_bitmap_empty(rig->a);
	smudge_bitmap_empty(rig->b);
	memset(rig->bits, 0, NBYTES);
	for (uint64_t page = 0; page < NPAGES; page++)
		if (is_in(rig, pattern, page))
			set_bit(rig->bits, page);
	for (uint64_t page = NPAGES; page < NPAGES + 128; page++)
		set_bit(rig->bits, page);
}

static void merge(struct smudge_bitmap *bitmap, const uint8_t *bits)
{
	assert_int_equal(smudge_bitmap_merge(&bitmap, 1, 0, bits, 0, NPAGES),
			 0);
}

/* The runs of next_dirty are those of @bits. */
static void expect_bits(struct rig *rig, struct smudge_bitmap *bitmap,
			const uint8_t *bits)
{
	struct smudge_run run = {0};
	uint64_t npages = 0;

	memset(rig->copy, 0, NBYTES);
	while (smudge_bitmap_next_dirty(bitmap, run.first_page + run.npages,
					NPAGES, &run)) {
		for (uint64_t i = 0; i < run.npages; i++)
			set_bit(rig->copy, run.first_page + i);
		npages += run.npages;
	}
	assert_int_equal(smudge_bitmap_count(bitmap, 0, NPAGES), npages);
	for (uint64_t page = NPAGES; page < NPAGES + 128; page++)
		set_bit(rig->copy, page);
	assert_memory_equal(rig->copy, bits, NBYTES);
}

/* Write the batch down in @bits, whose bit 0 is page @base. */
static void write_batch(const struct smudge_batch *batch, uint8_t *bits,
			uint64_t base)
{
	for (size_t i = 0; i < smudge_batch_nruns(batch); i++) {
		struct smudge_run run = smudge_batch_run(batch, i);

		for (uint64_t n = 0; n < run.npages; n++)
			set_bit(bits, run.first_page + n - base);
	}
}

/* Take all of a in parts of @part pages, and merge each into b. */
static void move_in_parts(struct rig *rig, uint64_t part, uint64_t shift)
{
	for (uint64_t at = 0; at < NPAGES;) {
		uint64_t n = NPAGES - at < part ? NPAGES - at : part;
		uint64_t end;

		assert_int_equal(smudge_bitmap_take(rig->a, at, n, rig->batch),
				 0);
		end = smudge_batch_end_page(rig->batch);
		assert_in_range(end, at + 1, at + n);
		memset(rig->copy, 0, (shift + end - at) / 8 + 8);
		write_batch(rig->batch, rig->copy, at - shift);
		assert_int_equal(smudge_bitmap_merge(&rig->b, 1, at, rig->copy,
						     shift, end - at),
				 0);
		smudge_batch_discard(rig->batch);
		at = end;
	}
}

static void test_moved_in_parts(void **state)
{
	static const uint64_t parts[] = {NPAGES, 64, 4096, 262144, 4097, 1003};
	struct rig rig;

	/* 4096 runs: alternating pages fill it, the take stops and continues */
	open_rig(&rig, 4096);
	for (enum pattern pattern = 0; pattern < NPATTERNS; pattern++) {
		draw(&rig, pattern);
		merge(rig.a, rig.bits);
		for (size_t i = 0; i < COUNT(parts); i++) {
			struct smudge_bitmap *moved = rig.b;

			move_in_parts(&rig, parts[i], i * 11);
			assert_false(smudge_bitmap_any(rig.a, 0, NPAGES));
			expect_bits(&rig, moved, rig.bits);
			rig.b = rig.a;
			rig.a = moved;
		}
	}
	close_rig(&rig);
}

/* x | 0 = x, x | x = x, x | 1 = 1, and nothing where nothing is merged. */
static void test_merge_algebra(void **state)
{
	struct rig rig;
	uint8_t *zeros = calloc(NBYTES, 1), *ones = malloc(NBYTES);

	assert_non_null(zeros);
	assert_non_null(ones);
	memset(ones, 0xff, NBYTES);
	open_rig(&rig, 4096);
	for (enum pattern pattern = 0; pattern < NPATTERNS; pattern++) {
		draw(&rig, pattern);
		merge(rig.a, rig.bits);
		expect_bits(&rig, rig.a, rig.bits);
		merge(rig.a, zeros);
		merge(rig.a, rig.bits);
		assert_int_equal(smudge_bitmap_merge(&rig.a, 1, 64, ones, 3, 0),
				 0);
		assert_int_equal(
			smudge_bitmap_merge(NULL, 0, 0, ones, 0, NPAGES), 0);
		expect_bits(&rig, rig.a, rig.bits);
		merge(rig.a, ones);
		assert_true(smudge_bitmap_all(rig.a, 0, NPAGES));
		assert_int_equal(smudge_bitmap_count(rig.a, 0, UINT64_MAX),
				 NPAGES);
		merge(rig.a, rig.bits);
		assert_true(smudge_bitmap_all(rig.a, 0, NPAGES));
	}
	close_rig(&rig);
	free(zeros);
	free(ones);
}

/* One pass into two bitmaps that differ: each gets the same, keeps its own. */
static void test_merge_into_two(void **state)
{
	struct rig rig;

	open_rig(&rig, 4096);
	for (enum pattern pattern = 0; pattern < NPATTERNS; pattern++) {
		struct smudge_bitmap *both[2];

		draw(&rig, pattern);
		smudge_bitmap_fill(rig.b);
		both[0] = pattern & 1 ? rig.b : rig.a;
		both[1] = pattern & 1 ? rig.a : rig.b;
		assert_int_equal(
			smudge_bitmap_merge(both, 2, 0, rig.bits, 0, NPAGES),
			0);
		expect_bits(&rig, rig.a, rig.bits);
		assert_true(smudge_bitmap_all(rig.b, 0, NPAGES));
	}
	close_rig(&rig);
}

/* Any number of takes that are returned, from any place, change nothing. */
static void test_take_and_return(void **state)
{
	static const uint64_t from[] = {0,	    1,	    63,	       64,
					4095,	    4096,   262143,    262144,
					NPAGES - 1, NPAGES, UINT64_MAX};
	struct rig rig;

	open_rig(&rig, 4096);
	for (enum pattern pattern = 0; pattern < NPATTERNS; pattern++) {
		draw(&rig, pattern);
		merge(rig.a, rig.bits);
		for (size_t i = 0; i < COUNT(from); i++) {
			uint64_t n = i & 1 ? UINT64_MAX : 5000;

			assert_int_equal(smudge_bitmap_take(rig.a, from[i], n,
							    rig.batch),
					 0);
			smudge_bitmap_return(rig.a, rig.batch);
			assert_true(smudge_batch_is_empty(rig.batch));
			expect_bits(&rig, rig.a, rig.bits);
		}
		/* returned twice, or what was never taken */
		smudge_bitmap_return(rig.a, rig.batch);
		assert_int_equal(smudge_bitmap_take(rig.a, 5, 0, rig.batch), 0);
		assert_int_equal(smudge_batch_nruns(rig.batch), 0);
		smudge_batch_discard(rig.batch);
		expect_bits(&rig, rig.a, rig.bits);
	}
	close_rig(&rig);
}

/* Written again while taken: taken again afterwards, and once. */
static void test_return_meets_marks(void **state)
{
	struct rig rig;

	open_rig(&rig, 4096);
	for (enum pattern pattern = 0; pattern < NPATTERNS; pattern++) {
		draw(&rig, pattern);
		merge(rig.a, rig.bits);
		assert_int_equal(
			smudge_bitmap_take(rig.a, 0, NPAGES, rig.batch), 0);
		smudge_bitmap_mark_range(rig.a, 4000, 200);
		smudge_bitmap_mark(rig.a, NPAGES - 1);
		for (uint64_t page = 4000; page < 4200; page++)
			set_bit(rig.bits, page);
		set_bit(rig.bits, NPAGES - 1);
		smudge_bitmap_return(rig.a, rig.batch);
		expect_bits(&rig, rig.a, rig.bits);
	}
	close_rig(&rig);
}

/* However many edges were stored when the last group began. */
static void test_batch_holds_no_more(void **state)
{
	struct rig rig;

	open_rig(&rig, 4096);
	for (uint64_t holes = 0; holes < 40; holes++) {
		uint64_t npages;

		draw(&rig, ALTERNATING);
		merge(rig.a, rig.bits);
		smudge_bitmap_set_range(rig.a, 4096, 4096);
		for (uint64_t i = 0; i < holes; i++)
			smudge_bitmap_clear_range(rig.a, 4097 + 3 * i, 1);
		npages = smudge_bitmap_count(rig.a, 0, NPAGES);
		assert_int_equal(
			smudge_bitmap_take(rig.a, 0, NPAGES, rig.batch), 0);
		assert_in_range(smudge_batch_nruns(rig.batch), 2048, 4096);
		assert_int_equal(smudge_bitmap_count(rig.a, 0, NPAGES) +
					 smudge_batch_npages(rig.batch),
				 npages);
		smudge_batch_discard(rig.batch);
	}
	close_rig(&rig);
}

/* Everything dirty is one run, over every level's edge; so is most of it. */
static void test_runs_are_whole(void **state)
{
	struct smudge_run run;
	struct rig rig;

	open_rig(&rig, 4096);
	for (uint64_t cut = 0; cut < 130; cut++) {
		smudge_bitmap_fill(rig.a);
		smudge_bitmap_clear_range(rig.a, 0, cut);
		smudge_bitmap_clear_range(rig.a, NPAGES - cut / 2, cut);
		assert_int_equal(
			smudge_bitmap_take(rig.a, 0, UINT64_MAX, rig.batch), 0);
		assert_int_equal(smudge_batch_nruns(rig.batch), 1);
		assert_int_equal(smudge_batch_end_page(rig.batch), NPAGES);
		run = smudge_batch_run(rig.batch, 0);
		assert_int_equal(run.first_page, cut);
		assert_int_equal(run.npages, NPAGES - cut - cut / 2);
		assert_int_equal(smudge_batch_npages(rig.batch), run.npages);
		smudge_batch_discard(rig.batch);
		assert_false(smudge_bitmap_any(rig.a, 0, UINT64_MAX));
	}
	close_rig(&rig);
}

TEST_MAIN(test_moved_in_parts, test_merge_algebra, test_merge_into_two,
	  test_take_and_return, test_return_meets_marks,
	  test_batch_holds_no_more, test_runs_are_whole)
