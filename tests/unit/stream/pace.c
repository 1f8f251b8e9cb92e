/* SPDX-License-Identifier: MIT */
/*
 * The rate limit as arithmetic: in no span of time may more bytes go than the
 * limit and one burst allow, and a sender that always asks reaches the limit.
 */
#include "stream/pace.h"
#include "support.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static void no_limit(void **state)
{
	struct smi_pace pace = {.next_ns = 5};

	assert_int_equal(smi_pace_take(&pace, 0, 1, 12345), 12345);
	assert_int_equal(pace.next_ns, 0);
	assert_int_equal(smi_pace_burst_bytes(0), 0);
}

static void one_byte_per_second(void **state)
{
	struct smi_pace pace = {0};
	uint64_t now_ns = 1000 * NS_PER_S;

	assert_int_equal(smi_pace_take(&pace, 1, now_ns, 100), 1);
	assert_int_equal(smi_pace_take(&pace, 1, now_ns, 100), 0);
	assert_in_range(pace.next_ns, now_ns + 900 * NS_PER_MS,
			now_ns + NS_PER_S);
	assert_int_equal(smi_pace_take(&pace, 1, pace.next_ns, 100), 1);
}

/* A sender that asks at random times, for a random limit. */
static void holds_in_any_span(void **state)
{
	struct test_rng rng = test_rng_start("holds_in_any_span");

	for (int i = 0; i < 200; i++) {
		uint64_t limit = 1000 + test_rng_below(&rng, 100 << 20);
		uint64_t start_ns = NS_PER_S + test_rng_below(&rng, NS_PER_S);
		uint64_t now_ns = start_ns;
		struct smi_pace pace = {0};
		double sent = 0;

		for (int j = 0; j < 2000; j++) {
			double most = (double)(now_ns - start_ns) *
				      (double)limit / NS_PER_S;

			sent += (double)smi_pace_take(&pace, limit, now_ns,
						      1 << 20);
			/* The bucket, the slice that overdraws it, and less
			 * than 1 ns of rounding per slice. */
			assert_true(sent <= most + (double)limit * 0.05 +
						    (256 << 10) +
						    (double)limit * 2e-6);
			now_ns += test_rng_below(&rng, 2 * NS_PER_MS);
		}
	}
}

/* A sender that asks whenever it may reaches the limit. */
static void is_reached(void **state)
{
	const uint64_t limit = 16 << 20;
	struct smi_pace pace = {0};
	uint64_t now_ns = NS_PER_S;
	uint64_t sent = 0;

	while (now_ns < 3 * NS_PER_S) {
		sent += smi_pace_take(&pace, limit, now_ns, 1 << 20);
		if (pace.next_ns > now_ns)
			now_ns = pace.next_ns;
	}
	assert_in_range(sent, 2 * limit, 2 * limit + limit / 10);
}

/* After a rest that smi_pace_burst_ns ends, the burst goes out at once. */
static void a_burst(void **state)
{
	const uint64_t limit = 16 << 20;
	uint64_t left = smi_pace_burst_bytes(limit);
	struct smi_pace pace = {0};
	uint64_t now_ns = NS_PER_S;

	assert_in_range(left, limit / 26, limit / 24);
	while (smi_pace_take(&pace, limit, now_ns, 1 << 20))
		continue;
	now_ns = smi_pace_burst_ns(&pace, limit, left);
	assert_in_range(now_ns - pace.next_ns, 39 * NS_PER_MS, 40 * NS_PER_MS);
	assert_in_range(smi_pace_burst_ns(&pace, limit, UINT64_MAX), now_ns,
			now_ns + 1000);
	while (left) {
		size_t slice = smi_pace_take(&pace, limit, now_ns, left);

		assert_true(slice > 0);
		left -= slice;
	}
}

TEST_MAIN(no_limit, one_byte_per_second, holds_in_any_span, is_reached, a_burst)
