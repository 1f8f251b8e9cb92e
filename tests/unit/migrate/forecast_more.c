/* SPDX-License-Identifier: MIT */
/*
 * More bandwidth, or a longer downtime limit, never means more rounds or more
 * time; for working sets of any course.
 */
#include "support.h"

#include <string.h>

#include <smudge/forecast.h>

#define NPAGES	 (UINT64_C(1) << 18)
#define NWINDOWS 5
#define NSETS	 2000
#define MS	 UINT64_C(1000000)
#define MIB	 (UINT64_C(1) << 20)

struct question {
	struct smudge_working_set set[NWINDOWS];
	struct smudge_migrate_limits limits;
	struct smudge_forecast_options options;
};

/* The rate falls from window to window, as in most guests, or it does not. */
static void draw(struct test_rng *rng, struct question *question, bool falls)
{
	uint64_t rate_ps = 1 + test_rng_below(rng, 100000);
	uint64_t ns = 0;
	double pages = 0;

	memset(question, 0, sizeof(*question));
	for (size_t i = 0; i < NWINDOWS; i++) {
		uint64_t more_ns = (1 + test_rng_below(rng, 2000)) * MS;

		if (!falls)
			rate_ps = test_rng_below(rng, 100000);
		ns += more_ns;
		pages += (double)rate_ps * (double)more_ns / 1e9;
		question->set[i].window_ns = ns;
		question->set[i].pages = (uint64_t)pages;
		rate_ps = test_rng_below(rng, rate_ps + 1);
	}
	question->limits.size = sizeof(question->limits);
	question->limits.downtime_limit_ns =
		(1 + test_rng_below(rng, 500)) * MS;
	question->options.size = sizeof(question->options);
	question->options.limits = &question->limits;
	question->options.total_pages = NPAGES;
	question->options.content_pages = test_rng_below(rng, NPAGES + 1);
	question->options.working_set = question->set;
	question->options.nworking_set = NWINDOWS;
	question->options.line_bandwidth_bytes_ps =
		MIB + test_rng_below(rng, 400 * MIB);
}

static struct smudge_forecast answer(const struct question *question)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	assert_int_equal(
		smudge_migrate_forecast(&question->options, &forecast, NULL),
		0);
	return forecast;
}

static void assert_no_worse(const struct smudge_forecast *less,
			    const struct smudge_forecast *more)
{
	if (more->rounds <= less->rounds && more->total_ns <= less->total_ns &&
	    more->outcome <= less->outcome)
		return;
	fail_msg("%u rounds and %.3f ms became %u and %.3f", less->rounds,
		 (double)less->total_ns / 1e6, more->rounds,
		 (double)more->total_ns / 1e6);
}

static void try_bandwidths(struct question *question)
{
	uint64_t *line = &question->options.line_bandwidth_bytes_ps;
	struct smudge_forecast before = answer(question);

	for (int i = 0; i < 20; i++) {
		struct smudge_forecast now;

		*line += *line / 4;
		now = answer(question);
		assert_no_worse(&before, &now);
		before = now;
	}
}

static void more_bandwidth(void **state)
{
	struct test_rng rng = test_rng_start("more_bandwidth");
	struct question question;

	for (unsigned int i = test_rounds(NSETS); i; i--) {
		draw(&rng, &question, true);
		try_bandwidths(&question);
	}
}

/* Also where more pages are written in the later part of a window. */
static void a_longer_downtime(void **state)
{
	struct test_rng rng = test_rng_start("a_longer_downtime");
	struct question question;

	for (unsigned int i = test_rounds(NSETS); i; i--) {
		struct smudge_forecast before, now;

		draw(&rng, &question, i % 2);
		before = answer(&question);
		question.limits.downtime_limit_ns *= 2;
		now = answer(&question);
		assert_no_worse(&before, &now);
	}
}

/* A limit on the rounds makes them longer, not the final one. */
static void a_limit(void **state)
{
	struct test_rng rng = test_rng_start("a_limit");
	struct question question;

	for (unsigned int i = test_rounds(NSETS); i; i--) {
		struct smudge_forecast before, now;

		draw(&rng, &question, true);
		before = answer(&question);
		question.limits.max_bandwidth_bytes_ps =
			question.options.line_bandwidth_bytes_ps / 2;
		now = answer(&question);
		assert_true(now.total_ns >= before.total_ns);
	}
}

TEST_MAIN(more_bandwidth, a_longer_downtime, a_limit)
