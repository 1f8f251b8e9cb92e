/* SPDX-License-Identifier: MIT */
/*
 * Which moments are kept, against the plainest rule: a moment is the last one
 * of its period if no later one is of the same, and its period is among the
 * last ones if fewer others are later. By random times, also of a clock that
 * was set back.
 */
#include <string.h>

#include "checkpoint/prune_policy.h"
#include "support.h"

#define HOUR_NS	    UINT64_C(3600000000000)
#define DAY_NS	    (24 * HOUR_NS)
#define WEEK_NS	    (7 * DAY_NS)
#define MAX_MOMENTS 120

/* 2024-01-01 00:00 UTC, which was a Monday. */
#define MONDAY_NS UINT64_C(1704067200000000000)

static uint64_t week_of(uint64_t time_ns)
{
	return (time_ns - MONDAY_NS % WEEK_NS) / WEEK_NS;
}

static uint64_t period_of(uint64_t time_ns, uint64_t period_ns)
{
	return period_ns == WEEK_NS ? week_of(time_ns) : time_ns / period_ns;
}

static bool is_last_of_one(const struct smi_prune_moment *moments, size_t n,
			   size_t at, uint64_t period_ns, uint64_t nperiods)
{
	uint64_t period = period_of(moments[at].time_ns, period_ns);
	uint64_t later[MAX_MOMENTS];
	uint64_t nlater = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t other = period_of(moments[i].time_ns, period_ns);
		bool is_new = other > period;

		if (other == period && i > at)
			return false;
		for (uint64_t k = 0; k < nlater; k++)
			is_new &= later[k] != other;
		if (is_new)
			later[nlater++] = other;
	}
	return nlater < nperiods;
}

static bool expected(const struct smi_prune_policy *policy,
		     const struct smi_prune_moment *moments, size_t n,
		     size_t at)
{
	return at + 1 == n || n - at <= policy->keep_last ||
	       is_last_of_one(moments, n, at, HOUR_NS, policy->keep_hourly) ||
	       is_last_of_one(moments, n, at, DAY_NS, policy->keep_daily) ||
	       is_last_of_one(moments, n, at, WEEK_NS, policy->keep_weekly);
}

static void random_times(void **state)
{
	struct test_rng rng = test_rng_start("prune_policy random");
	struct smi_prune_moment moments[MAX_MOMENTS];

	for (unsigned int round = 0; round < test_rounds(2000); round++) {
		size_t n = test_rng_below(&rng, MAX_MOMENTS + 1);
		struct smi_prune_policy policy = {
			.keep_last = test_rng_below(&rng, 6),
			.keep_hourly = test_rng_below(&rng, 30),
			.keep_daily = test_rng_below(&rng, 10),
			.keep_weekly = test_rng_below(&rng, 5),
		};
		uint64_t most_ns = HOUR_NS << test_rng_below(&rng, 8);
		uint64_t time_ns = MONDAY_NS + test_rng_below(&rng, WEEK_NS);

		for (size_t i = 0; i < n; i++) {
			moments[i].number = i + 1;
			moments[i].time_ns = time_ns;
			moments[i].is_kept = test_rng_below(&rng, 2);
			time_ns += test_rng_below(&rng, most_ns);
			if (test_rng_below(&rng, 20) == 0)
				time_ns -= test_rng_below(&rng, DAY_NS);
		}
		assert_int_equal(smi_prune_policy_apply(&policy, moments, n),
				 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(moments[i].is_kept,
					 expected(&policy, moments, n, i));
	}
}

/* Sunday evening and Monday morning are of two weeks. */
static void weeks_begin_on_monday(void **state)
{
	const struct smi_prune_policy policy = {.keep_weekly = 2};
	struct smi_prune_moment moments[] = {
		{.number = 1, .time_ns = MONDAY_NS - 2},
		{.number = 2, .time_ns = MONDAY_NS - 1},
		{.number = 3, .time_ns = MONDAY_NS},
		{.number = 4, .time_ns = MONDAY_NS + WEEK_NS - 1},
	};

	assert_int_equal(smi_prune_policy_apply(&policy, moments, 4), 0);
	assert_false(moments[0].is_kept);
	assert_true(moments[1].is_kept);
	assert_false(moments[2].is_kept);
	assert_true(moments[3].is_kept);
}

/* Times that only a damaged or hostile layer has. */
static void times_at_both_ends(void **state)
{
	const struct smi_prune_policy policy = {
		.keep_hourly = 1, .keep_daily = 1, .keep_weekly = 2};
	struct smi_prune_moment moments[] = {
		{.number = 1, .time_ns = UINT64_MAX},
		{.number = 2, .time_ns = 0},
		{.number = UINT64_MAX, .time_ns = UINT64_MAX - 1},
	};

	assert_int_equal(smi_prune_policy_apply(&policy, moments, 3), 0);
	assert_false(moments[0].is_kept);
	assert_true(moments[1].is_kept);
	assert_true(moments[2].is_kept);
}

static void nothing_to_choose_from(void **state)
{
	const struct smi_prune_policy policy = {.keep_last = UINT64_MAX};
	struct smi_prune_moment one = {.number = 7};

	assert_int_equal(smi_prune_policy_apply(&policy, NULL, 0), 0);
	assert_int_equal(smi_prune_policy_apply(&policy, &one, 1), 0);
	assert_true(one.is_kept);
}

TEST_MAIN(random_times, weeks_begin_on_monday, times_at_both_ends,
	  nothing_to_choose_from)
