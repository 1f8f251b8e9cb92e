/* SPDX-License-Identifier: MIT */
/*
 * Questions that no forecast answers are refused, with a sentence and nothing
 * written; numbers without sense are answered with numbers.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/forecast.h>

#define MS     UINT64_C(1000000)
#define NTRIES 2000

struct question {
	struct smudge_working_set set[SMUDGE_FORECAST_MAX_WINDOWS + 1];
	struct smudge_migrate_limits limits;
	struct smudge_forecast_options options;
};

static struct question question;

/* One that has an answer. */
static void ask(void)
{
	question = (struct question){
		.limits = {.size = sizeof(question.limits)},
		.options = {.size = sizeof(question.options),
			    .limits = &question.limits,
			    .line_bandwidth_bytes_ps = 1000000,
			    .total_pages = 1000,
			    .content_pages = 1000,
			    .working_set = question.set,
			    .nworking_set = 3},
	};
	for (size_t i = 0; i <= SMUDGE_FORECAST_MAX_WINDOWS; i++)
		question.set[i] =
			(struct smudge_working_set){(i + 1) * MS, i * 10};
}

static void assert_refused(int error, const char *word)
{
	struct smudge_forecast untouched, forecast;
	struct smudge_error err = SMUDGE_ERROR_INIT;

	memset(&forecast, 0x5a, sizeof(forecast));
	forecast.size = sizeof(forecast);
	untouched = forecast;
	assert_int_equal(
		smudge_migrate_forecast(&question.options, &forecast, &err),
		error);
	assert_int_equal(err.code, error);
	assert_non_null(strstr(err.message, word));
	assert_memory_equal(&forecast, &untouched, sizeof(forecast));
	assert_int_equal(
		smudge_migrate_forecast(&question.options, &forecast, NULL),
		error);
}

static void no_pages(void **state)
{
	ask();
	question.options.total_pages = question.options.content_pages = 0;
	assert_refused(-EINVAL, "needs pages");
	ask();
	question.options.content_pages = 1001;
	assert_refused(-EINVAL, "1001 with content");
}

static void no_bandwidth(void **state)
{
	ask();
	question.options.line_bandwidth_bytes_ps = 0;
	assert_refused(-EINVAL, "bandwidth");
	question.options.limits = NULL;
	assert_refused(-EINVAL, "bandwidth");
}

static void no_windows(void **state)
{
	ask();
	question.options.nworking_set = 0;
	assert_refused(-EINVAL, "windows");
	ask();
	question.options.working_set = NULL;
	assert_refused(-EINVAL, "windows");
	ask();
	question.options.nworking_set = SMUDGE_FORECAST_MAX_WINDOWS + 1;
	assert_refused(-EINVAL, "64 windows");
	question.options.nworking_set = SIZE_MAX;
	assert_refused(-EINVAL, "64 windows");
}

static void windows_out_of_order(void **state)
{
	ask();
	question.set[0].window_ns = 0;
	assert_refused(-EINVAL, "0 ns");
	ask();
	question.set[2].window_ns = question.set[1].window_ns;
	assert_refused(-EINVAL, "2000000 ns");
	ask();
	question.set[1].window_ns = UINT64_MAX;
	assert_refused(-EINVAL, "18446744073709551615 ns before");
}

static void limits_of_another_size(void **state)
{
	ask();
	question.limits.size = 8;
	assert_refused(-EINVAL, "smudge_migrate_limits");
	question.limits.size = 8192;
	assert_refused(-E2BIG, "smudge_migrate_limits");
}

static void a_forecast_that_is_too_short(void **state)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast) - 1,
					   .rounds = 77};
	struct smudge_error err = SMUDGE_ERROR_INIT;

	ask();
	assert_int_equal(
		smudge_migrate_forecast(&question.options, &forecast, &err),
		-EINVAL);
	assert_non_null(strstr(err.message, "too short"));
	assert_int_equal(forecast.rounds, 77);
}

/* A window without a larger working set, in spite of its length. */
static void windows_that_fall(void **state)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	ask();
	question.set[0].pages = UINT64_MAX;
	question.set[1].pages = 5;
	question.set[2].pages = 0;
	assert_int_equal(
		smudge_migrate_forecast(&question.options, &forecast, NULL), 0);
	/* All pages are written within a millisecond. */
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_LONG_DOWNTIME);
	assert_in_range(forecast.remaining_pages, 999, 1000);
}

/* 0, small, large, or any. */
static uint64_t draw(struct test_rng *rng)
{
	uint64_t value = test_rng_next(rng);

	switch (test_rng_below(rng, 4)) {
	case 0:
		return test_rng_below(rng, 3);
	case 1:
		return UINT64_MAX - test_rng_below(rng, 3);
	default:
		return value >> test_rng_below(rng, 64);
	}
}

static void draw_question(struct test_rng *rng)
{
	struct smudge_forecast_options *options = &question.options;
	uint64_t ns = 0;

	ask();
	options->total_pages = draw(rng);
	options->content_pages = draw(rng);
	if (options->content_pages > options->total_pages)
		options->content_pages = options->total_pages;
	options->line_bandwidth_bytes_ps = draw(rng);
	options->round_trip_ns = draw(rng);
	options->zero_page_ns = draw(rng);
	options->nworking_set =
		1 + test_rng_below(rng, SMUDGE_FORECAST_MAX_WINDOWS);
	question.limits.max_bandwidth_bytes_ps = draw(rng);
	question.limits.downtime_limit_ns = draw(rng);
	question.limits.max_rounds = (uint32_t)test_rng_below(rng, 100);
	for (size_t i = 0; i < options->nworking_set; i++) {
		ns += 1 + (test_rng_next(rng) >> (8 + test_rng_below(rng, 56)));
		question.set[i] = (struct smudge_working_set){ns, draw(rng)};
	}
}

static void any_number_is_answered_or_refused(void **state)
{
	struct test_rng rng = test_rng_start("forecast");

	for (unsigned int i = test_rounds(NTRIES); i; i--) {
		struct smudge_forecast forecast = {.size = sizeof(forecast)};
		int ret;

		draw_question(&rng);
		ret = smudge_migrate_forecast(&question.options, &forecast,
					      NULL);
		if (ret == -EINVAL)
			continue;
		assert_int_equal(ret, 0);
		assert_in_range(forecast.rounds, 2, 101);
		assert_true(forecast.total_ns >= forecast.downtime_ns);
		assert_true(forecast.remaining_pages <=
			    question.options.total_pages);
		assert_int_equal(
			forecast.outcome == SMUDGE_FORECAST_CONVERGES,
			forecast.downtime_ns <=
				(question.limits.downtime_limit_ns
					 ? question.limits.downtime_limit_ns
					 : 300 * MS));
	}
}

TEST_MAIN(no_pages, no_bandwidth, no_windows, windows_out_of_order,
	  limits_of_another_size, a_forecast_that_is_too_short,
	  windows_that_fall, any_number_is_answered_or_refused)
