/* SPDX-License-Identifier: MIT */
/*
 * The table of RAM pieces: a range is found in the piece that holds all of
 * it, and no address or length wraps into one.
 */
#include "base/ram.h"

#include "support.h"

#define LOW_BYTES  UINT64_C(0x10000)
#define HIGH_GPA   UINT64_C(0x100000)
#define HIGH_BYTES UINT64_C(0x2000)

static uint8_t low[LOW_BYTES];
static uint8_t high[HIGH_BYTES];

static const struct ram ram = {
	.pieces = {{.gpa = 0, .size_bytes = LOW_BYTES, .hva = low},
		   {.gpa = HIGH_GPA, .size_bytes = HIGH_BYTES, .hva = high}},
	.npieces = 2,
};

static void test_inside(void **state)
{
	assert_ptr_equal(ram_at(&ram, 0, 1), low);
	assert_ptr_equal(ram_at(&ram, 0, LOW_BYTES), low);
	assert_ptr_equal(ram_at(&ram, LOW_BYTES - 1, 1), low + LOW_BYTES - 1);
	assert_ptr_equal(ram_at(&ram, HIGH_GPA + 8, HIGH_BYTES - 8), high + 8);
	assert_ptr_equal(ram_find(&ram, HIGH_GPA, 1), &ram.pieces[1]);
}

static void test_outside(void **state)
{
	assert_null(ram_at(&ram, 0, LOW_BYTES + 1));
	assert_null(ram_at(&ram, LOW_BYTES - 1, 2));
	assert_null(ram_at(&ram, LOW_BYTES, 1));
	assert_null(ram_at(&ram, HIGH_GPA - 1, 2));
	assert_null(ram_at(&ram, HIGH_GPA + HIGH_BYTES, 1));
	assert_null(ram_at(&(struct ram){0}, 0, 1));
}

static void test_no_wrap(void **state)
{
	assert_null(ram_at(&ram, HIGH_GPA, UINT64_MAX));
	assert_null(ram_at(&ram, HIGH_GPA + 1, UINT64_MAX - HIGH_GPA));
	assert_null(ram_at(&ram, UINT64_MAX, 1));
	assert_null(ram_at(&ram, UINT64_MAX, UINT64_MAX));
}

TEST_MAIN(test_inside, test_outside, test_no_wrap)
