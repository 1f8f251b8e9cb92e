/* SPDX-License-Identifier: MIT */
/*
 * A heat map's cells against one number per page and interval, also when there
 * are more intervals or more written pages than the map has room for.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rate/heat.h"

#define PAGE 4096
#define BASE UINT64_C(0x7f0000000000)

static void write_some(struct test_rng *rng, struct rate_heat *heat,
		       double *pages, uint64_t limit)
{
	for (int i = 0; i < 50; i++) {
		uint64_t first = test_rng_below(rng, limit);
		uint64_t n = 1 + test_rng_below(rng, 20);

		if (first + n > limit)
			n = limit - first;
		for (uint64_t page = first; page < first + n; page++)
			pages[page]++;
		rate_heat_add(heat, BASE + first * PAGE, n, 1);
	}
}

static double sum(const double *pages, uint64_t first, uint64_t end)
{
	double all = 0;

	for (uint64_t page = first; page < end; page++)
		all += pages[page];
	return all;
}

static void check_share(struct test_rng *rng, const struct rate_heat *heat,
			size_t column, const double *pages, uint64_t limit)
{
	uint64_t first = test_rng_below(rng, limit);
	uint64_t end = first + 1 + test_rng_below(rng, limit - first);
	double expected = sum(pages, first, end) / (double)(end - first) /
			  heat->columns[column].intervals;
	double found = rate_heat_share(heat, column, BASE + first * PAGE,
				       BASE + end * PAGE);

	assert_true(fabs(found - fmin(1, expected)) < 1e-9);
}

static void few_pages_are_exact(void **state)
{
	struct test_rng rng = test_rng_start("rate heat");
	struct rate_heat *heat = rate_heat_create();
	static double pages[20][1000];

	assert_non_null(heat);
	for (int i = 0; i < 20; i++) {
		write_some(&rng, heat, pages[i], 1000);
		rate_heat_end_interval(heat, i, i + 1);
	}
	assert_int_equal(heat->ncolumns, 20);
	assert_int_equal(heat->failure, 0);
	for (int i = 0; i < 5000; i++) {
		size_t column = test_rng_below(&rng, 20);

		check_share(&rng, heat, column, pages[column], 1000);
	}
	rate_heat_destroy(heat);
}

static void columns_are_joined(void **state)
{
	struct test_rng rng = test_rng_start("rate heat columns");
	struct rate_heat *heat = rate_heat_create();
	const size_t intervals = 3 * RATE_HEAT_COLUMNS + 5;
	double *pages = calloc(intervals, 200 * sizeof(*pages));

	assert_true(heat && pages);
	for (size_t i = 0; i < intervals; i++) {
		write_some(&rng, heat, pages + i * 200, 200);
		rate_heat_end_interval(heat, (double)i, (double)i + 1);
	}
	assert_int_equal(heat->column_intervals, 4);
	assert_int_equal(heat->ncolumns, (intervals + 3) / 4);
	for (size_t column = 0; column < heat->ncolumns; column++) {
		double joined[200] = {0};
		size_t end = column * 4 + heat->columns[column].intervals;

		assert_true(heat->columns[column].began_s ==
			    (double)column * 4);
		assert_true(heat->columns[column].finished_s == (double)end);
		for (size_t i = column * 4; i < end; i++) {
			for (int page = 0; page < 200; page++)
				joined[page] += pages[i * 200 + page];
		}
		check_share(&rng, heat, column, joined, 200);
	}
	free(pages);
	rate_heat_destroy(heat);
}

/* Bins become larger; what is a whole number of them stays exact. */
static void many_pages_are_in_larger_bins(void **state)
{
	struct rate_heat *heat = rate_heat_create();
	uint64_t bin_pages;

	assert_non_null(heat);
	rate_heat_add(heat, BASE, 1, 1);
	rate_heat_end_interval(heat, 0, 1);
	/* every other page, so each is a bin of its own at first */
	for (uint64_t page = 0; page < 8 * RATE_HEAT_BINS; page += 2)
		rate_heat_add(heat, BASE + page * PAGE, 1, 1);
	rate_heat_end_interval(heat, 1, 2);
	assert_true(heat->bin_shift > 12 && heat->bin_shift < 18);
	assert_true(heat->columns[1].nbins <= RATE_HEAT_BINS);
	bin_pages = (UINT64_C(1) << heat->bin_shift) / PAGE;
	for (uint64_t page = 0; page < 8 * RATE_HEAT_BINS; page += bin_pages)
		assert_true(
			fabs(rate_heat_share(heat, 1, BASE + page * PAGE,
					     BASE + (page + bin_pages) * PAGE) -
			     0.5) < 1e-9);
	assert_true(
		fabs(rate_heat_share(heat, 0, BASE, BASE + bin_pages * PAGE) -
		     1.0 / (double)bin_pages) < 1e-9);
	rate_heat_destroy(heat);
}

/* A page that stands for others, and a range over all of the address space. */
static void weights_and_bounds(void **state)
{
	struct rate_heat *heat = rate_heat_create();

	assert_non_null(heat);
	rate_heat_add(heat, BASE + 4 * PAGE, 1, 2.5);
	rate_heat_add(heat, 0, 1, 1);
	rate_heat_end_interval(heat, 0, 1);
	assert_true(fabs(rate_heat_share(heat, 0, BASE, BASE + 10 * PAGE) -
			 0.25) < 1e-9);
	assert_true(rate_heat_share(heat, 0, 0, PAGE) == 1);
	assert_true(rate_heat_share(heat, 0, BASE + 5 * PAGE,
				    BASE + 10 * PAGE) == 0);
	rate_heat_destroy(heat);
	rate_heat_destroy(NULL);
}

TEST_MAIN(few_pages_are_exact, columns_are_joined,
	  many_pages_are_in_larger_bins, weights_and_bounds)
