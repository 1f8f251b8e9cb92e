/* SPDX-License-Identifier: MIT */
/*
 * Forecasts that a person can compute, and policies of the program's own.
 *
 * The line carries 256 pages per second, with the 48 bytes of the record that
 * has them: 1,048,624 bytes. The state takes 65,536 / 1,048,624 s: 62.497 ms.
 * Round 1 takes 8 s. Its 2,048 pages are taken in two parts, at its begin and
 * 4 s later, so of the pages written in it three quarters are dirty behind it.
 */
#include "support.h"

#include <math.h>

#include <smudge/forecast.h>

#define LINE_BYTES_PS UINT64_C(1048624)
#define NPAGES	      2048
#define MS	      UINT64_C(1000000)
#define STATE_MS      62.49714
/* A page of the final round: 4,096 bytes. */
#define PAGE_MS 3.906071

struct question {
	struct smudge_working_set set[2];
	struct smudge_migrate_limits limits;
	struct smudge_forecast_options options;
};

/* A guest that writes @rate_ps pages per second, each once. */
static void ask(struct question *question, uint64_t rate_ps,
		uint64_t downtime_ms)
{
	*question = (struct question){
		.set = {{500 * MS, rate_ps / 2}, {1000 * MS, rate_ps}},
		.limits = {.size = sizeof(question->limits),
			   .downtime_limit_ns = downtime_ms * MS},
		.options = {.size = sizeof(question->options),
			    .limits = &question->limits,
			    .line_bandwidth_bytes_ps = LINE_BYTES_PS,
			    .total_pages = NPAGES,
			    .content_pages = NPAGES,
			    .working_set = question->set,
			    .nworking_set = 2},
	};
}

static struct smudge_forecast answer(const struct question *question)
{
	struct smudge_forecast forecast = {.size = sizeof(forecast)};

	assert_int_equal(
		smudge_migrate_forecast(&question->options, &forecast, NULL),
		0);
	return forecast;
}

static void assert_ms(uint64_t ns, double ms)
{
	if (fabs((double)ns / 1e6 - ms) > 0.05)
		fail_msg("%.3f ms are not %.3f", (double)ns / 1e6, ms);
}

static void a_guest_that_writes_nothing(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 0, 100);
	forecast = answer(&question);
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_CONVERGES);
	assert_int_equal(forecast.rounds, 2);
	assert_int_equal(forecast.remaining_pages, 0);
	assert_ms(forecast.downtime_ns, STATE_MS);
	assert_ms(forecast.total_ns, 8000 + STATE_MS);
	assert_int_equal(forecast.sent_bytes, 8 * LINE_BYTES_PS);
	assert_int_equal(forecast.dirty_bytes_ps, 0);
	assert_int_equal(forecast.bandwidth_bytes_ps, LINE_BYTES_PS);
}

static void pages_of_zeros_cost_less(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 0, 100);
	question.options.content_pages = 256;
	forecast = answer(&question);
	assert_ms(forecast.total_ns, 1000 + 1792 * 0.001 + STATE_MS);
	question.options.zero_page_ns = 100000;
	question.options.round_trip_ns = 7 * MS;
	forecast = answer(&question);
	/* A round trip for each round. */
	assert_ms(forecast.total_ns, 1000 + 179.2 + STATE_MS + 2 * 7);
	assert_ms(forecast.downtime_ns, STATE_MS + 7);
}

/*
 * A quarter of the bandwidth: round 1 leaves 384 pages. The rounds behind it
 * take 1.5 s, 375 ms and 93.75 ms and leave 96, 24 and 6.
 */
static void each_round_is_a_quarter_of_the_last(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 64, 90);
	forecast = answer(&question);
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_CONVERGES);
	assert_int_equal(forecast.rounds, 5);
	assert_int_equal(forecast.remaining_pages, 6);
	assert_ms(forecast.downtime_ns, 6 * PAGE_MS + STATE_MS);
	assert_ms(forecast.total_ns,
		  8000 + 1500 + 375 + 93.75 + 6 * PAGE_MS + STATE_MS);
	assert_int_equal(forecast.dirty_bytes_ps, 64 * 4096);
}

static void a_longer_downtime_is_reached_earlier(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 64, 2000);
	forecast = answer(&question);
	assert_int_equal(forecast.rounds, 2);
	assert_int_equal(forecast.remaining_pages, 384);
	assert_ms(forecast.downtime_ns, 384 * PAGE_MS + STATE_MS);
}

/*
 * As much as the bandwidth, of ten times as many pages: round 1 leaves three
 * quarters of what it sent, the others as many as they send.
 */
static void it_does_not_converge(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 256, 90);
	question.limits.max_rounds = 3;
	question.options.total_pages = 10 * NPAGES;
	question.options.zero_page_ns = 1;
	/* It was seen to write more pages than have content. */
	question.set[1] = (struct smudge_working_set){40000 * MS, 10240};
	forecast = answer(&question);
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_LONG_DOWNTIME);
	assert_int_equal(forecast.rounds, 4);
	assert_int_equal(forecast.remaining_pages, NPAGES * 3 / 4);
	assert_ms(forecast.total_ns,
		  8000 + 6000 + 6000 + 1536 * PAGE_MS + STATE_MS);
	assert_int_equal(forecast.dirty_bytes_ps, 256 * 4096);
}

/* Much faster, and never more pages than have content. */
static void it_writes_what_has_content(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 256000, 90);
	question.options.total_pages = 10 * NPAGES;
	question.options.content_pages = 300000 / 256;
	forecast = answer(&question);
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_LONG_DOWNTIME);
	/* It was seen to write more, but there are no more. */
	assert_in_range(forecast.remaining_pages, 10 * NPAGES - 1, 10 * NPAGES);
	ask(&question, 256, 90);
	question.options.total_pages = 10 * NPAGES;
	question.options.content_pages = 1000;
	forecast = answer(&question);
	assert_in_range(forecast.remaining_pages, 700, 1000);
}

/*
 * Half of the line: round 1 takes 16 s and leaves 384, round 2 96, round 3 24.
 * The burst that measures the line has 20,972 bytes, fewer than 16 pages: no
 * round. The downtime is the line's.
 */
static void a_limit_paces_all_but_the_final_round(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 32, 250);
	question.limits.max_bandwidth_bytes_ps = LINE_BYTES_PS / 2;
	forecast = answer(&question);
	assert_int_equal(forecast.rounds, 4);
	assert_int_equal(forecast.remaining_pages, 24);
	assert_ms(forecast.downtime_ns, 24 * PAGE_MS + STATE_MS);
	assert_ms(forecast.total_ns,
		  16000 + 3000 + 750 + 24 * PAGE_MS + STATE_MS);
	assert_int_equal(forecast.bandwidth_bytes_ps, LINE_BYTES_PS / 2);
}

/* All 16 times as fast: 24 pages make a round of the burst. */
static void a_burst_measures_the_line(void **state)
{
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 0, 250);
	question.limits.max_bandwidth_bytes_ps = LINE_BYTES_PS * 16;
	question.options.line_bandwidth_bytes_ps = 0; /* as the limit */
	question.set[0].pages = question.set[1].pages = 1000;
	forecast = answer(&question);
	assert_int_equal(forecast.rounds, 3);
	ask(&question, 0, 250);
	question.limits.max_bandwidth_bytes_ps = LINE_BYTES_PS * 16;
	forecast = answer(&question);
	/* Nothing is left for a burst. */
	assert_int_equal(forecast.rounds, 2);
}

struct policy {
	uint32_t abort_round;
	uint32_t calls;
	int nonsense;
};

static enum smudge_migrate_decision
decide(const struct smudge_migrate_stats *stats,
       const struct smudge_migrate_limits *limits, void *opaque)
{
	struct policy *policy = opaque;

	policy->calls++;
	assert_int_equal(stats->size, sizeof(*stats));
	assert_int_equal(stats->phase, SMUDGE_MIGRATE_ROUNDS);
	assert_int_equal(stats->round, policy->calls);
	assert_int_equal(stats->total_bytes, NPAGES * 4096);
	assert_int_equal(stats->remaining_bytes, stats->remaining_pages * 4096);
	assert_int_equal(limits->max_rounds, 30);
	if (stats->round == policy->abort_round)
		return policy->nonsense ? policy->nonsense
					: SMUDGE_MIGRATE_ABORT;
	return SMUDGE_MIGRATE_CONTINUE;
}

static void a_policy_that_gives_up(void **state)
{
	struct policy policy = {.abort_round = 3};
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 64, 90);
	question.options.policy = decide;
	question.options.opaque = &policy;
	for (policy.nonsense = 0; policy.nonsense < 8; policy.nonsense += 7) {
		policy.calls = 0;
		forecast = answer(&question);
		assert_int_equal(forecast.outcome, SMUDGE_FORECAST_GIVES_UP);
		assert_int_equal(forecast.rounds, 3);
		assert_int_equal(forecast.downtime_ns, 0);
		assert_ms(forecast.total_ns, 8000 + 1500 + 375);
	}
}

static void a_policy_that_never_stops(void **state)
{
	struct policy policy = {.abort_round = 0};
	struct smudge_forecast forecast;
	struct question question;

	ask(&question, 64, 90);
	question.options.policy = decide;
	question.options.opaque = &policy;
	forecast = answer(&question);
	assert_int_equal(forecast.outcome, SMUDGE_FORECAST_GIVES_UP);
	assert_int_equal(policy.calls, (1 << 20) - 1);
}

/* A larger struct: what the library does not know is left alone. */
static void fields_beyond_are_not_written(void **state)
{
	struct {
		struct smudge_forecast known;
		uint64_t later;
	} larger = {.known.size = sizeof(larger), .later = 0x5a5a};
	struct question question;

	ask(&question, 64, 90);
	assert_int_equal(
		smudge_migrate_forecast(&question.options, &larger.known, NULL),
		0);
	assert_int_equal(larger.later, 0x5a5a);
	assert_int_equal(larger.known.size, sizeof(larger));
	assert_int_equal(larger.known.rounds, 5);
}

TEST_MAIN(a_guest_that_writes_nothing, pages_of_zeros_cost_less,
	  each_round_is_a_quarter_of_the_last,
	  a_longer_downtime_is_reached_earlier, it_does_not_converge,
	  it_writes_what_has_content, a_limit_paces_all_but_the_final_round,
	  a_burst_measures_the_line, a_policy_that_gives_up,
	  a_policy_that_never_stops, fields_beyond_are_not_written)
