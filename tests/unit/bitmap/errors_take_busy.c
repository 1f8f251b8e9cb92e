/* SPDX-License-Identifier: MIT */
/*
 * A take into a batch that still holds pages: -EBUSY, and nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

static void test_take_busy(void **state)
{
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_bitmap_create(200, &bitmap, NULL), 0);
	assert_int_equal(smudge_batch_create(1, &batch, NULL), 0);
	smudge_bitmap_mark(bitmap, 5);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 200, batch), 0);
	smudge_bitmap_mark(bitmap, 6);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 200, batch), -EBUSY);
	assert_true(smudge_bitmap_test(bitmap, 6));
	assert_int_equal(smudge_batch_npages(batch), 1);
	assert_int_equal(smudge_batch_run(batch, 0).first_page, 5);
	smudge_bitmap_return(bitmap, batch);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 200), 2);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_take_busy)
