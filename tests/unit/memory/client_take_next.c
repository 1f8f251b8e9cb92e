/* SPDX-License-Identifier: MIT */
/*
 * smudge_client_take_next against a byte per page: it takes the next dirty
 * pages of a range and no others, stops for a reason, and says where to
 * continue. Run once for each vector variant.
 */
#include "take_next_rig.h"

static uint64_t draw_limit(struct test_rng *rng)
{
	static const uint64_t edges[] = {1,    2,    63,   64,	      65,
					 4095, 4096, 4097, UINT64_MAX};
	uint64_t i = test_rng_below(rng, 12);

	return i < 9 ? edges[i] : 1 + test_rng_below(rng, 9000);
}

static struct smudge_run draw_range(struct test_rng *rng, uint64_t npages)
{
	struct smudge_run run = {.first_page = 0, .npages = npages};

	if (test_rng_below(rng, 3) == 0)
		return run;
	run.first_page = test_rng_below(rng, npages);
	run.npages = test_rng_below(rng, npages - run.first_page + 1);
	return run;
}

/* Marks of one kind: few pages, long runs, every second page, or all. */
static void mark_some(struct take_rig *rig, struct test_rng *rng)
{
	struct smudge_run run = draw_range(rng, rig->npages);
	uint64_t kind = test_rng_below(rng, 8);

	if (kind == 0)
		take_rig_mark(rig, 0, rig->npages);
	else if (kind < 3 && run.npages)
		take_rig_mark(rig, run.first_page, run.npages);
	else if (kind == 3)
		for (uint64_t i = 0; i < run.npages; i += 2)
			take_rig_mark(rig, run.first_page + i, 1);
	else
		for (uint64_t i = test_rng_below(rng, 40); i; i--)
			take_rig_mark(rig, test_rng_below(rng, rig->npages), 1);
}

/* A loop over a range, in which pages are marked and batches returned. */
static void walk(struct take_rig *rig, struct test_rng *rng)
{
	struct smudge_run rest = draw_range(rng, rig->npages);
	uint64_t max_pages = draw_limit(rng);

	/* not all of a long loop of little takes */
	for (int i = 0; i < 60; i++) {
		if (!take_rig_next(rig, &rest, max_pages))
			return;
		if (test_rng_below(rng, 4) == 0)
			mark_some(rig, rng);
		if (test_rng_below(rng, 4) == 0)
			take_rig_return(rig);
		else
			assert_int_equal(
				smudge_client_commit(rig->client, rig->batch),
				0);
		if (test_rng_below(rng, 8) == 0)
			max_pages = draw_limit(rng);
	}
}

static void walk_size(struct test_rng *rng, uint64_t npages,
		      unsigned int page_shift, int nwalks)
{
	struct take_rig rig;

	take_rig_start(&rig, npages, page_shift);
	for (int i = 0; i < nwalks; i++) {
		mark_some(&rig, rng);
		walk(&rig, rng);
	}
	take_rig_compare(&rig);
	take_rig_end(&rig);
}

static void test_sizes(void **state)
{
	static const uint64_t sizes[] = {1,    63,   64,   65,	  4095,
					 4096, 4097, 8192, 16000, 40000};
	struct test_rng rng = test_rng_start("client_take_next");

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		walk_size(&rng, sizes[i], 12, 60);
	for (int i = 0; i < 10; i++)
		walk_size(&rng, 1 + test_rng_below(&rng, 20000), 12, 20);
}

static void test_page_shifts(void **state)
{
	struct test_rng rng = test_rng_start("client_take_next shifts");

	for (unsigned int shift = 12; shift <= 30; shift++)
		walk_size(&rng, 1 + test_rng_below(&rng, 9000), shift, 25);
}

/* Every limit there is, on full words, across words, and across groups. */
static void test_each_limit(void **state)
{
	struct take_rig rig;

	take_rig_start(&rig, 3 * 4096, 12);
	for (uint64_t limit = 1; limit <= 200; limit++) {
		struct smudge_run rest = {4096 - 100, 1000};

		take_rig_mark(&rig, 4096 - 90, 300);
		take_rig_mark(&rig, 4096 + 220, 1);
		assert_int_equal(take_rig_next(&rig, &rest, limit), 1);
		assert_int_equal(smudge_batch_npages(rig.batch), limit);
		assert_int_equal(rest.first_page, 4096 - 90 + limit);
		take_rig_return(&rig);
	}
	take_rig_compare(&rig);
	take_rig_end(&rig);
}

/* Groups that are all dirty, cut by a limit: each page is taken once. */
static void test_all_dirty(void **state)
{
	static const uint64_t limits[] = {1000, 1024, 4096, 5000, 8192};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct smudge_run rest = {0, 20000};
		uint64_t npages = 0;
		struct take_rig rig;

		take_rig_start(&rig, 20000, 12);
		take_rig_mark(&rig, 0, 20000);
		while (take_rig_next(&rig, &rest, limits[i])) {
			npages += smudge_batch_npages(rig.batch);
			assert_int_equal(npages, rest.first_page);
			assert_int_equal(
				smudge_client_commit(rig.client, rig.batch), 0);
		}
		assert_int_equal(npages, 20000);
		take_rig_end(&rig);
	}
}

/* A batch has the pages of 2^34 bytes at most, however few they are. */
static void test_span(void **state)
{
	for (unsigned int shift = 12; shift <= 30; shift += 6) {
		uint64_t span = (UINT64_C(1) << 34) >> shift;
		struct smudge_run rest = {0, 2 * span + 5};
		struct take_rig rig;

		take_rig_start(&rig, 2 * span + 5, shift);
		take_rig_mark(&rig, 5, 1);
		take_rig_mark(&rig, 5 + span - 1, 2);
		assert_int_equal(take_rig_next(&rig, &rest, UINT64_MAX), 1);
		assert_int_equal(smudge_batch_npages(rig.batch), 2);
		assert_int_equal(rest.first_page, 5 + span);
		assert_int_equal(smudge_client_commit(rig.client, rig.batch),
				 0);
		assert_int_equal(take_rig_next(&rig, &rest, UINT64_MAX), 1);
		assert_int_equal(rest.npages, 0);
		assert_int_equal(smudge_client_commit(rig.client, rig.batch),
				 0);
		take_rig_end(&rig);
	}
}

/* An empty range, at the region's end too, and one without a dirty page. */
static void test_nothing(void **state)
{
	struct smudge_run rest = {100, 0};
	struct take_rig rig;

	take_rig_start(&rig, 100, 12);
	take_rig_mark(&rig, 0, 10);
	take_rig_mark(&rig, 90, 10);
	assert_int_equal(take_rig_next(&rig, &rest, 1), 0);
	rest = (struct smudge_run){5, 0};
	assert_int_equal(take_rig_next(&rig, &rest, 1), 0);
	assert_int_equal(rest.first_page, 5);
	rest = (struct smudge_run){10, 80};
	assert_int_equal(take_rig_next(&rig, &rest, 1), 0);
	assert_int_equal(rest.first_page, 90);
	take_rig_compare(&rig);
	take_rig_end(&rig);
}

TEST_MAIN(test_sizes, test_page_shifts, test_each_limit, test_all_dirty,
	  test_span, test_nothing)
