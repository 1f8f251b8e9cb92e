/* SPDX-License-Identifier: MIT */
/*
 * The curve of a working set: exact for a guest with a constant rate, never
 * falling, and near the truth between windows of a guest that writes at random.
 */
#include "support.h"

#include <math.h>

#include "migrate/working_set.h"

#define MS	 UINT64_C(1000000)
#define NS_PER_S 1e9
#define NTRIES	 300

static struct smi_working_set set;

/* Taken one by one. */
static double behind(double ns)
{
	return smi_working_set_behind(&set, ns, 1e-9);
}

static void assert_near(double found, double expected, double tolerance)
{
	if (fabs(found - expected) > tolerance)
		fail_msg("found %.4f, expected %.4f", found, expected);
}

static void a_constant_rate(void **state)
{
	static const struct smudge_working_set windows[] = {
		{100 * MS, 100}, {500 * MS, 500}, {2000 * MS, 2000}};

	assert_int_equal(smi_working_set_init(&set, windows, 3, 10000, NULL),
			 0);
	for (double s = 0; s < 10; s += 0.07) {
		double ns = s * NS_PER_S;

		assert_near(smi_working_set_pages(&set, ns), 1000 * s, 0.001);
		assert_near(behind(ns), 500 * s, 0.001);
		assert_near(smi_working_set_window_ns(&set, 1000 * s), ns, 1);
	}
	/* All pages, from 10 s on. */
	assert_near(smi_working_set_pages(&set, 1e12), 10000, 0);
	assert_near(behind(20 * NS_PER_S), 7500, 0.001);
	assert_near(smi_working_set_pages(&set, INFINITY), 10000, 0);
	assert_near(behind(INFINITY), 10000, 0.001);
	assert_true(isinf(smi_working_set_window_ns(&set, 10001)));
}

/* 1,000 pages, all written after a second. */
static void a_curve_that_becomes_flat(void **state)
{
	static const struct smudge_working_set windows[] = {
		{500 * MS, 500}, {1000 * MS, 1000}, {2000 * MS, 1000}};

	assert_int_equal(smi_working_set_init(&set, windows, 3, 10000, NULL),
			 0);
	assert_near(smi_working_set_pages(&set, 500e6), 500, 0.001);
	assert_near(smi_working_set_pages(&set, 1000e6), 1000, 0);
	assert_near(smi_working_set_pages(&set, 1500e6), 1000, 0);
	assert_near(smi_working_set_pages(&set, INFINITY), 1000, 0);
	assert_near(smi_working_set_window_ns(&set, 1000), 1e9, 1);
	assert_true(isinf(smi_working_set_window_ns(&set, 1001)));
	assert_near(smi_working_set_window_ns(&set, 0), 0, 0);
	/* A window that was measured is exact, the area up to it nearly. */
	assert_near(behind(10e9), 950, 5);
}

/* A window of one second only. */
static void one_window(void **state)
{
	static const struct smudge_working_set window = {1000 * MS, 100};

	assert_int_equal(smi_working_set_init(&set, &window, 1, 300, NULL), 0);
	assert_near(smi_working_set_pages(&set, 250e6), 25, 0.001);
	assert_near(smi_working_set_pages(&set, 2500e6), 250, 0.001);
	assert_near(smi_working_set_pages(&set, 3500e6), 300, 0);
}

/* Every page is written 0.5 times per second, at random. */
static double at_random(double ns)
{
	return 10000 * (1 - exp(-0.5 * ns / NS_PER_S));
}

static void between_the_windows(void **state)
{
	static const uint64_t windows_ms[] = {100, 500, 1000, 2000, 5000};
	struct smudge_working_set windows[5];

	for (size_t i = 0; i < 5; i++) {
		windows[i].window_ns = windows_ms[i] * MS;
		windows[i].pages =
			(uint64_t)at_random((double)windows[i].window_ns);
	}
	assert_int_equal(smi_working_set_init(&set, windows, 5, 10000, NULL),
			 0);
	for (double ns = 1e7; ns < 5e9; ns += 1e7)
		assert_near(smi_working_set_pages(&set, ns), at_random(ns),
			    at_random(ns) * 0.04);
}

/*
 * Half of a round's time for half of what is written, if nothing of it was
 * written before.
 */
static void behind_a_round(void **state)
{
	static const struct smudge_working_set window = {1000 * MS, 100};

	assert_int_equal(smi_working_set_init(&set, &window, 1, 1000, NULL), 0);
	/* All pages were sent: written meanwhile, half of them too early. */
	assert_near(smi_working_set_after(&set, 1000, 1000, 1e9, 1e-9), 50,
		    0.001);
	/* The last 100 pages: the next 100 are others. */
	assert_near(smi_working_set_after(&set, 100, 100, 1e9, 1e-9), 100,
		    0.001);
	/* The last 950: 50 others, and 50 of them, half of which too early. */
	assert_near(smi_working_set_after(&set, 950, 950, 1e9, 1e-9), 75,
		    0.001);
	/* A part of the pages is sent. */
	assert_near(smi_working_set_after(&set, 100, 20, 1e9, 1e-9), 180,
		    0.001);
	assert_near(smi_working_set_after(&set, 0, 0, 1e9, 1e-9), 100, 0.001);
	assert_near(smi_working_set_after(&set, 100, 100, 0, 1e-9), 0, 0.001);
	assert_near(smi_working_set_after(&set, 500, 500, INFINITY, 1e-9), 1000,
		    0);
}

/* 1,000 pages per second, for a second. */
static void pages_taken_together(void **state)
{
	static const struct smudge_working_set window = {1000 * MS, 1000};

	assert_int_equal(smi_working_set_init(&set, &window, 1, 10000, NULL),
			 0);
	assert_near(smi_working_set_behind(&set, 1e9, 1), 1000, 0.001);
	assert_near(smi_working_set_behind(&set, 1e9, 7), 1000, 0.001);
	assert_near(smi_working_set_behind(&set, 1e9, 0.5), 750, 0.001);
	/* 0.4 at the begin, 0.4 with 600 ms left, 0.2 with 200 ms left */
	assert_near(smi_working_set_behind(&set, 1e9, 0.4), 400 + 240 + 40,
		    0.001);
	assert_near(smi_working_set_behind(&set, 1e9, 1 / 64.0), 507.8125,
		    0.001);
	assert_near(smi_working_set_behind(&set, 1e9, 1 / 128.0), 503.90625,
		    0.001);
	/* In one round as they are sent, or all at its begin. */
	assert_near(smi_working_set_after(&set, 10000, 10000, 1e9, 1e-9), 500,
		    0.001);
	assert_near(smi_working_set_after(&set, 10000, 10000, 1e9, 1), 1000,
		    0.001);
}

static void draw(struct test_rng *rng, struct smudge_working_set *windows,
		 size_t nwindows)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < nwindows; i++) {
		ns += 1 + (test_rng_next(rng) >> (8 + test_rng_below(rng, 56)));
		windows[i].window_ns = ns;
		windows[i].pages =
			test_rng_next(rng) >> test_rng_below(rng, 64);
	}
}

static void it_never_falls(void **state)
{
	struct test_rng rng = test_rng_start("working_set");
	struct smudge_working_set windows[SMUDGE_FORECAST_MAX_WINDOWS];

	for (unsigned int i = test_rounds(NTRIES); i; i--) {
		size_t n =
			1 + test_rng_below(&rng, SMUDGE_FORECAST_MAX_WINDOWS);
		uint64_t max = test_rng_next(&rng) >> test_rng_below(&rng, 64);
		double before = 0, mean = 0;

		draw(&rng, windows, n);
		assert_int_equal(
			smi_working_set_init(&set, windows, n, max, NULL), 0);
		for (double ns = 0; ns < 1e20; ns = ns * 1.5 + 1) {
			double pages = smi_working_set_pages(&set, ns);
			double now = behind(ns);

			assert_true(pages >= before);
			assert_true(pages <= set.max_pages);
			assert_true(now >= mean * (1 - 1e-9));
			assert_true(now <= pages * (1 + 1e-9));
			before = pages;
			mean = now;
		}
	}
}

TEST_MAIN(a_constant_rate, a_curve_that_becomes_flat, one_window,
	  between_the_windows, behind_a_round, pages_taken_together,
	  it_never_falls)
