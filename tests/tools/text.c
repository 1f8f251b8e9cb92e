/* SPDX-License-Identifier: MIT */
/*
 * Numbers in columns are no wider than they may be, and not more than half a
 * digit wrong.
 */
#include "support.h"

#include <string.h>

#include "text.h"

static void check_count(double number, size_t width, const char *expected)
{
	char text[TEXT_BYTES];

	text_count(text, number, width);
	assert_string_equal(text, expected);
}

static void counts(void **state)
{
	check_count(0, 4, "0");
	check_count(999, 4, "999");
	check_count(1234, 5, "1,234");
	check_count(1234, 4, "1.2K");
	check_count(9949, 4, "9.9K");
	check_count(9951, 4, "10K");
	check_count(999499, 4, "999K");
	check_count(999500, 4, "1.0M");
	check_count(1234567.4, 9, "1,234,567");
	check_count(-5, 9, "0");
	check_count(1e300, 4, "100P");
}

static void counts_fit(void **state)
{
	struct test_rng rng = test_rng_start("rate text");

	for (int i = 0; i < 20000; i++) {
		uint64_t number =
			test_rng_next(&rng) >> test_rng_below(&rng, 64);
		size_t width = 4 + test_rng_below(&rng, 20);
		char text[TEXT_BYTES];

		text_count(text, (double)number, width);
		assert_true(strlen(text) <= width);
	}
}

static void bytes_and_times(void **state)
{
	char text[TEXT_BYTES];

	text_bytes(text, 0);
	assert_string_equal(text, "0 B");
	text_bytes(text, 1023);
	assert_string_equal(text, "1023 B");
	text_bytes(text, 1536);
	assert_string_equal(text, "1.5 KiB");
	text_bytes(text, 64.0 * (1 << 20));
	assert_string_equal(text, "64 MiB");
	text_bytes(text, 1.8e19);
	assert_string_equal(text, "16 EiB");
	text_time(text, 999);
	assert_string_equal(text, "999 ns");
	text_time(text, 1500);
	assert_string_equal(text, "1.5 us");
	text_time(text, 23.4e6);
	assert_string_equal(text, "23 ms");
	text_clock(text, 59.9);
	assert_string_equal(text, "0:59");
	text_clock(text, 3725);
	assert_string_equal(text, "1:02:05");
}

TEST_MAIN(counts, counts_fit, bytes_and_times)
