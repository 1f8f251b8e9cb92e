/* SPDX-License-Identifier: MIT */
/*
 * Pages that no source covers: the runs, and their number in the statistics,
 * compared with a bit for each page.
 */
#include "support.h"

#include "fake_source.h"
#include "fixture.h"

#define NPAGES	 100
#define NSOURCES 6

static uint64_t uncovered_pages(struct smudge_memory *memory)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_memory_stats(memory, &stats), 0);
	return stats.uncovered_pages;
}

/* The runs are whole, in order, and what the bits say. */
static void expect(struct fixture *f, const bool *covered)
{
	uint64_t npages = 0;
	struct smudge_run run;
	uint64_t at = 0;

	while (smudge_region_next_uncovered(f->region, at, UINT64_MAX, &run)) {
		for (; at < run.first_page; at++)
			assert_true(covered[at]);
		for (; at < run.first_page + run.npages; at++)
			assert_false(covered[at]);
		assert_true(at == NPAGES || covered[at]);
		npages += run.npages;
	}
	for (; at < NPAGES; at++)
		assert_true(covered[at]);
	assert_int_equal(uncovered_pages(f->memory), npages);
}

static void attach(struct fixture *f, struct fake_source *fake,
		   uint64_t first_page, uint64_t npages)
{
	assert_int_equal(smudge_region_attach(f->region, fake->source,
					      first_page, npages, NULL),
			 0);
}

static void test_edges(void **state)
{
	bool covered[NPAGES] = {false};
	struct fake_source fakes[2];
	struct smudge_run run;
	struct fixture f;

	fixture_open(&f, NPAGES);
	fake_create(&fakes[0], true);
	fake_create(&fakes[1], true);
	expect(&f, covered);
	attach(&f, &fakes[0], 10, 10);
	assert_true(smudge_region_next_uncovered(f.region, 0, 5, &run));
	assert_int_equal(run.npages, 5);
	assert_false(smudge_region_next_uncovered(f.region, 12, 20, &run));
	assert_true(smudge_region_next_uncovered(f.region, 12, 21, &run));
	assert_int_equal(run.first_page, 20);
	assert_int_equal(run.npages, 1);
	assert_false(smudge_region_next_uncovered(f.region, NPAGES, UINT64_MAX,
						  &run));
	attach(&f, &fakes[1], 0, 0);
	assert_int_equal(uncovered_pages(f.memory), 0);
	fake_destroy(&fakes[1]);
	assert_int_equal(uncovered_pages(f.memory), NPAGES - 10);
	fake_destroy(&fakes[0]);
	expect(&f, covered);
	fixture_close(&f);
}

/* Any ranges, in any order. */
static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("cover");

	for (int round = 0; round < 200; round++) {
		struct fake_source fakes[NSOURCES];
		bool covered[NPAGES] = {false};
		struct fixture f;

		fixture_open(&f, NPAGES);
		for (int i = 0; i < NSOURCES; i++) {
			uint64_t first = test_rng_below(&rng, NPAGES);
			uint64_t n = 1 + test_rng_below(&rng, NPAGES - first);

			n = n > 20 ? 20 : n;
			fake_create(&fakes[i], true);
			attach(&f, &fakes[i], first, n);
			for (uint64_t page = first; page < first + n; page++)
				covered[page] = true;
			expect(&f, covered);
		}
		for (int i = 0; i < NSOURCES; i++)
			fake_destroy(&fakes[i]);
		fixture_close(&f);
	}
}

TEST_MAIN(test_edges, test_random)
