/* SPDX-License-Identifier: MIT */
/*
 * Ranges that saturate, little-endian numbers, and the monotonic clock.
 */
#include "support.h"

#include <string.h>

#include "common/clock.h"
#include "common/little_endian.h"
#include "common/range.h"

static void ranges_end_at_the_last_number(void **state)
{
	assert_true(range_last(0, 1) == 0 && range_end(0, 1) == 1);
	assert_true(range_last(5, 3) == 7 && range_end(5, 3) == 8);
	assert_true(range_last(UINT64_MAX, 1) == UINT64_MAX);
	assert_true(range_last(UINT64_MAX - 1, 2) == UINT64_MAX);
	assert_true(range_last(UINT64_MAX - 1, 3) == UINT64_MAX);
	assert_true(range_last(0, UINT64_MAX) == UINT64_MAX - 1);
	assert_true(range_last(7, UINT64_MAX) == UINT64_MAX);
	assert_true(range_end(UINT64_MAX - 1, 1) == UINT64_MAX);
	assert_true(range_end(UINT64_MAX - 1, 2) == UINT64_MAX);
	assert_true(range_end(7, UINT64_MAX) == UINT64_MAX);
	assert_true(range_end(9, 0) == 9);
}

static void min_and_max_compare_unsigned(void **state)
{
	assert_true(min_u64(1, UINT64_MAX) == 1);
	assert_true(max_u64(1, UINT64_MAX) == UINT64_MAX);
	assert_true(min_u64(3, 3) == 3 && max_u64(3, 3) == 3);
}

static void doubles_saturate(void **state)
{
	assert_true(u64_from_double(0) == 0 && u64_from_double(-1) == 0);
	assert_true(u64_from_double(-1e300) == 0);
	assert_true(u64_from_double(__builtin_nan("")) == 0);
	assert_true(u64_from_double(1.9) == 1);
	assert_true(u64_from_double(0x1p63) == UINT64_C(1) << 63);
	assert_true(u64_from_double(0x1p64) == UINT64_MAX);
	assert_true(u64_from_double(__builtin_inf()) == UINT64_MAX);
}

static void bytes_are_lowest_first(void **state)
{
	static const uint8_t expected[] = {0xaa, 0x08, 0x07, 0x06, 0x05,
					   0x04, 0x03, 0x02, 0x01, 0xaa};
	uint8_t bytes[sizeof(expected)];

	memset(bytes, 0xaa, sizeof(bytes));
	little_endian_put(bytes + 1, UINT64_C(0x0102030405060708), 8);
	assert_memory_equal(bytes, expected, sizeof(bytes));
	for (unsigned int n = 1; n <= 8; n++) {
		uint64_t mask = n < 8 ? (UINT64_C(1) << 8 * n) - 1 : UINT64_MAX;
		uint64_t value = UINT64_C(0x0102030405060708) & mask;

		assert_true(little_endian_get(bytes + 1, n) == value);
		memset(bytes, 0xaa, sizeof(bytes));
		little_endian_put(bytes + 1, UINT64_C(0x0102030405060708), n);
		assert_true(little_endian_get(bytes + 1, n) == value);
		assert_int_equal(bytes[1 + n], 0xaa);
		memcpy(bytes, expected, sizeof(bytes));
	}
}

static void time_does_not_go_back(void **state)
{
	int64_t before_ns = clock_now_ns();

	assert_true(before_ns > 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now_ns = clock_now_ns();

		assert_true(now_ns >= before_ns);
		before_ns = now_ns;
	}
}

TEST_MAIN(ranges_end_at_the_last_number, min_and_max_compare_unsigned,
	  doubles_saturate, bytes_are_lowest_first, time_does_not_go_back)
