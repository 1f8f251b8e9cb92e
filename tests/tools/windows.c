/* SPDX-License-Identifier: MIT */
/*
 * Windows end when they are due, also when ticks come late; no time is in two
 * windows of one length, or in none.
 */
#include "support.h"

#include <math.h>

#include "common/clock.h"
#include "rate/windows.h"

#define TICK_NS	 (CLOCK_NS_PER_S / 10)
#define START_NS INT64_C(123456789012)

static void at_their_ticks(void **state)
{
	struct rate_windows windows;
	double seconds[RATE_NWINDOWS];

	rate_windows_start(&windows, 20, START_NS);
	for (int tick = 1; tick <= 200; tick++) {
		int64_t now_ns = START_NS + tick * TICK_NS;
		unsigned int closing =
			rate_windows_close(&windows, now_ns, seconds);
		static const int lengths[] = {1, 5, 10, 50, 20};

		for (int w = 0; w < RATE_NWINDOWS; w++) {
			bool is_due = tick % lengths[w] == 0;

			assert_int_equal(!!(closing & 1u << w), is_due);
			if (is_due)
				assert_true(fabs(seconds[w] -
						 lengths[w] / 10.0) < 1e-9);
		}
		assert_int_equal(rate_windows_next_ns(&windows, now_ns),
				 now_ns + TICK_NS);
	}
}

static void not_before_the_tick(void **state)
{
	struct rate_windows windows;
	double seconds[RATE_NWINDOWS];

	rate_windows_start(&windows, 1, START_NS);
	assert_int_equal(
		rate_windows_close(&windows, START_NS + TICK_NS - 1, seconds),
		0);
	assert_int_equal(
		rate_windows_close(&windows, START_NS + TICK_NS, seconds),
		1u << RATE_WINDOW_TENTH | 1u << RATE_INTERVAL);
	assert_int_equal(
		rate_windows_close(&windows, START_NS + TICK_NS, seconds), 0);
}

/* 3.7 s late: one window of each length that was due, measured as it was. */
static void late_ticks_are_measured(void **state)
{
	struct rate_windows windows;
	double seconds[RATE_NWINDOWS];
	int64_t now_ns = START_NS + 37 * TICK_NS;

	rate_windows_start(&windows, 20, START_NS);
	assert_int_equal(rate_windows_close(&windows, now_ns, seconds),
			 RATE_ALL_WINDOWS & ~(1u << RATE_WINDOW_FIVE));
	assert_true(fabs(seconds[RATE_WINDOW_TENTH] - 3.7) < 1e-9);
	assert_true(fabs(seconds[RATE_INTERVAL] - 3.7) < 1e-9);
	/* the next one ends where it would have ended */
	assert_int_equal(
		rate_windows_close(&windows, now_ns + 3 * TICK_NS, seconds),
		RATE_ALL_WINDOWS & ~(1u << RATE_WINDOW_FIVE));
	assert_true(fabs(seconds[RATE_INTERVAL] - 0.3) < 1e-9);
}

/* At random times: the lengths of all windows of one kind are the whole. */
static void no_time_is_lost(void **state)
{
	struct test_rng rng = test_rng_start("rate windows");
	struct rate_windows windows;
	double sums[RATE_NWINDOWS] = {0};
	int64_t last_ns[RATE_NWINDOWS] = {0};
	int64_t now_ns = START_NS;

	rate_windows_start(&windows, 1 + test_rng_below(&rng, 40), now_ns);
	for (int i = 0; i < 2000; i++) {
		double seconds[RATE_NWINDOWS];
		unsigned int closing;

		now_ns += (int64_t)test_rng_below(&rng, 3 * TICK_NS);
		closing = rate_windows_close(&windows, now_ns, seconds);
		for (int w = 0; w < RATE_NWINDOWS; w++) {
			if (!(closing & 1u << w))
				continue;
			sums[w] += seconds[w];
			last_ns[w] = now_ns;
		}
	}
	for (int w = 0; w < RATE_NWINDOWS; w++)
		assert_true(fabs(sums[w] -
				 (double)(last_ns[w] - START_NS) / 1e9) < 1e-6);
}

/* After 5 s, and after what an interval has in common with it. */
static void all_end_together(void **state)
{
	struct rate_windows windows;
	double seconds[RATE_NWINDOWS];
	int together = 0;

	rate_windows_start(&windows, 7, START_NS);
	for (int tick = 1; tick <= 700; tick++)
		together +=
			rate_windows_close(&windows, START_NS + tick * TICK_NS,
					   seconds) == RATE_ALL_WINDOWS;
	assert_int_equal(together, 2);
}

TEST_MAIN(at_their_ticks, not_before_the_tick, late_ticks_are_measured,
	  no_time_is_lost, all_end_together)
