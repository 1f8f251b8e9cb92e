/* SPDX-License-Identifier: MIT */
/*
 * A merge that ends outside one of the bitmaps: -EINVAL, and none of them
 * changed, not even those that are large enough.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

static void test_merge_range(void **state)
{
	struct smudge_bitmap *bitmap[2];
	const uint64_t bits[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

	assert_int_equal(smudge_bitmap_create(200, &bitmap[0], NULL), 0);
	assert_int_equal(smudge_bitmap_create(100, &bitmap[1], NULL), 0);
	assert_int_equal(smudge_bitmap_merge(bitmap, 2, 0, bits, 0, 101),
			 -EINVAL);
	assert_int_equal(smudge_bitmap_merge(bitmap, 2, 100, bits, 0, 1),
			 -EINVAL);
	assert_int_equal(
		smudge_bitmap_merge(bitmap, 2, UINT64_MAX - 5, bits, 0, 50),
		-EINVAL);
	assert_int_equal(
		smudge_bitmap_merge(bitmap, 2, 50, bits, 0, UINT64_MAX - 20),
		-EINVAL);
	assert_false(smudge_bitmap_any(bitmap[0], 0, 200));
	assert_false(smudge_bitmap_any(bitmap[1], 0, 100));
	assert_int_equal(smudge_bitmap_merge(bitmap, 1, 0, bits, 0, 101), 0);
	assert_int_equal(smudge_bitmap_count(bitmap[0], 0, 200), 101);
	for (int i = 0; i < 2; i++)
		smudge_bitmap_destroy(bitmap[i]);
}

TEST_MAIN(test_merge_range)
