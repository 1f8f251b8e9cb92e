/* SPDX-License-Identifier: MIT */
/*
 * Estimates from samples: without bias, and their intervals hold the truth as
 * often as they say.
 */
#include "support.h"

#include <math.h>

#include "rate/value.h"

#define TRIALS 4000

static void a_count_is_its_own_interval(void **state)
{
	struct rate_value value = rate_value_exact(17);

	assert_true(value.pages == 17 && value.low_pages == 17 &&
		    value.high_pages == 17);
}

static void the_whole_population_is_counted(void **state)
{
	struct rate_value value = rate_value_estimate(3, 10, 10);

	assert_true(value.pages == 3 && value.low_pages == 3 &&
		    value.high_pages == 3);
}

static void no_sample_says_nothing(void **state)
{
	struct rate_value value = rate_value_estimate(0, 0, 10);

	assert_true(value.low_pages == 0 && value.high_pages == 10);
}

/* Wilson's interval for 10 of 100, computed by hand: 0.0552 to 0.1744 */
static void known_interval(void **state)
{
	struct rate_value value = rate_value_estimate(10, 100, 100000000);

	assert_true(fabs(value.pages - 10000000) < 1);
	assert_true(fabs(value.low_pages - 5522914) < 2000);
	assert_true(fabs(value.high_pages - 17436566) < 2000);
}

/* Draw @n of @all without replacement; how many of the first @written? */
static uint64_t draw(struct test_rng *rng, uint64_t all, uint64_t written,
		     uint64_t n)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (test_rng_below(rng, all - i) < written - found)
			found++;
	}
	return found;
}

static void check_trials(struct test_rng *rng, uint64_t all, uint64_t written,
			 uint64_t n)
{
	double sum = 0;
	int inside = 0;
	double share = (double)written / (double)all;
	/* of one estimate */
	double deviation = (double)all * sqrt(share * (1 - share) / (double)n);

	for (int i = 0; i < TRIALS; i++) {
		struct rate_value value =
			rate_value_estimate(draw(rng, all, written, n), n, all);

		assert_true(value.low_pages <= value.pages &&
			    value.pages <= value.high_pages);
		assert_true(value.low_pages >= 0 &&
			    value.high_pages <= (double)all);
		sum += value.pages;
		inside += value.low_pages <= (double)written &&
			  (double)written <= value.high_pages;
	}
	/* six standard deviations of the mean */
	assert_true(fabs(sum / TRIALS - (double)written) <
		    6 * deviation / sqrt(TRIALS));
	/* Wilson's interval holds 95 %, of few pages somewhat more or less */
	if (inside < TRIALS * 90 / 100)
		fail_msg("%d of %d trials inside: %lu of %lu, sample %lu",
			 inside, TRIALS, (unsigned long)written,
			 (unsigned long)all, (unsigned long)n);
}

static void unbiased_and_covering(void **state)
{
	struct test_rng rng = test_rng_start("rate value");

	check_trials(&rng, 10000, 5000, 200);
	check_trials(&rng, 10000, 300, 500);
	check_trials(&rng, 10000, 9900, 500);
	check_trials(&rng, 1000, 100, 900);
	check_trials(&rng, 1000000, 20000, 2048);
}

static void half_widths_add_by_squares(void **state)
{
	struct rate_value sum = {10, 7, 14, false};
	const struct rate_value more = {20, 16, 23, false};

	rate_value_add(&sum, &more);
	assert_true(sum.pages == 30);
	assert_true(fabs(sum.low_pages - 25) < 1e-9);
	assert_true(fabs(sum.high_pages - 35) < 1e-9);
}

static void lower_bounds_add_up(void **state)
{
	struct rate_value sum = {10, 7, 14, false};
	const struct rate_value more = {20, 20, 23, true};

	rate_value_add(&sum, &more);
	assert_true(sum.pages == 30 && sum.is_lower_bound);
	assert_true(fabs(sum.low_pages - 27) < 1e-9);
	assert_true(fabs(sum.high_pages - 37) < 1e-9);
}

TEST_MAIN(a_count_is_its_own_interval, the_whole_population_is_counted,
	  no_sample_says_nothing, known_interval, unbiased_and_covering,
	  half_widths_add_by_squares, lower_bounds_add_up)
