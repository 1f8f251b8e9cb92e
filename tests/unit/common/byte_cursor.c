/* SPDX-License-Identifier: MIT */
/*
 * A cursor gives its bytes once and in order, and nothing once it has failed.
 */
#include "support.h"

#include "common/byte_cursor.h"

static const uint8_t bytes[] = {1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4, 9};

static void numbers_are_in_order(void **state)
{
	struct byte_cursor cursor = byte_cursor(bytes, sizeof(bytes));

	assert_true(byte_cursor_read(&cursor, 1) == bytes);
	assert_int_equal(byte_cursor_read_u32(&cursor), 2);
	assert_int_equal(byte_cursor_read_u64(&cursor),
			 UINT64_C(0x0400000000000003));
	assert_false(byte_cursor_is_done(&cursor));
	assert_true(byte_cursor_read(&cursor, 1) == bytes + 13);
	assert_true(byte_cursor_is_done(&cursor));
	assert_non_null(byte_cursor_read(&cursor, 0));
	assert_true(byte_cursor_is_done(&cursor));
}

static void a_failure_stays(void **state)
{
	struct byte_cursor cursor = byte_cursor(bytes, 7);

	assert_int_equal(byte_cursor_read_u64(&cursor), 0);
	assert_true(cursor.failed);
	assert_int_equal(byte_cursor_read_u32(&cursor), 0);
	assert_null(byte_cursor_read(&cursor, 1));
	assert_null(byte_cursor_read(&cursor, 0));
	assert_false(byte_cursor_is_done(&cursor));
	assert_int_equal(cursor.left_bytes, 7);
}

static void lengths_do_not_wrap(void **state)
{
	struct byte_cursor cursor = byte_cursor(bytes, 5);

	assert_non_null(byte_cursor_read(&cursor, 3));
	assert_null(byte_cursor_read(&cursor, SIZE_MAX));
	cursor = byte_cursor(bytes, 3);
	assert_int_equal(byte_cursor_read_u32(&cursor), 0);
	assert_false(byte_cursor_is_done(&cursor));
}

TEST_MAIN(numbers_are_in_order, a_failure_stays, lengths_do_not_wrap)
