/* SPDX-License-Identifier: MIT */
/*
 * Runs of pages dirty in two bitmaps against two bytes per page: sparse, dense,
 * full groups, sizes that differ, marks not drained yet.
 */
#include "support.h"

#include "oracle.h"

#define MAX_PAGES (4096 * 3 + 100)

struct pair {
	struct smudge_bitmap *bitmap;
	struct oracle oracle;
};

static void fill(struct test_rng *rng, struct pair *pair)
{
	uint64_t npages = 1 + test_rng_below(rng, MAX_PAGES);
	uint64_t nruns = test_rng_below(rng, 40);

	assert_int_equal(smudge_bitmap_create(npages, &pair->bitmap, NULL), 0);
	pair->oracle = oracle_create(npages);
	if (test_rng_below(rng, 2)) {
		smudge_bitmap_fill(pair->bitmap);
		oracle_assign(&pair->oracle, 0, npages, true);
	}
	while (nruns--) {
		uint64_t first = test_rng_below(rng, npages);
		uint64_t n = test_rng_below(rng, test_rng_below(rng, 8) ? 130
									: 5000);

		switch (test_rng_below(rng, 3)) {
		case 0:
			smudge_bitmap_clear_range(pair->bitmap, first, n);
			oracle_assign(&pair->oracle, first, n, false);
			break;
		case 1:
			smudge_bitmap_set_range(pair->bitmap, first, n);
			oracle_assign(&pair->oracle, first, n, true);
			break;
		default:
			smudge_bitmap_mark_range(pair->bitmap, first, n);
			oracle_assign(&pair->oracle, first, n, true);
		}
	}
}

static bool is_both(const struct pair pairs[2], uint64_t page)
{
	return oracle_test(&pairs[0].oracle, page) &&
	       oracle_test(&pairs[1].oracle, page);
}

static void check(struct pair pairs[2], uint64_t first, uint64_t end)
{
	struct smudge_run run = {0, 0};
	uint64_t page = first;

	while (smudge_bitmap_next_both(pairs[0].bitmap, pairs[1].bitmap, page,
				       end, &run)) {
		assert_true(run.npages > 0 && run.first_page >= page);
		assert_true(run.first_page + run.npages <= end);
		for (; page < run.first_page; page++)
			assert_false(is_both(pairs, page));
		for (; page < run.first_page + run.npages; page++)
			assert_true(is_both(pairs, page));
		if (page < end)
			assert_false(is_both(pairs, page));
	}
	for (; page < end && page < MAX_PAGES; page++)
		assert_false(is_both(pairs, page));
}

static void test_both(void **state)
{
	struct test_rng rng = test_rng_start("bitmap_both");

	for (int round = 0; round < 400; round++) {
		struct pair pairs[2];

		fill(&rng, &pairs[0]);
		fill(&rng, &pairs[1]);
		check(pairs, 0, MAX_PAGES);
		check(pairs, test_rng_below(&rng, MAX_PAGES),
		      test_rng_below(&rng, MAX_PAGES));
		check(pairs, test_rng_below(&rng, MAX_PAGES), UINT64_MAX);
		for (int i = 0; i < 2; i++) {
			smudge_bitmap_destroy(pairs[i].bitmap);
			oracle_destroy(&pairs[i].oracle);
		}
	}
}

TEST_MAIN(test_both)
