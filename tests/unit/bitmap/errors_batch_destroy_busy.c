/* SPDX-License-Identifier: MIT */
/*
 * Destroying a batch that holds the only copy of dirty bits: -EBUSY, and the
 * batch stays as it was.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

static void test_destroy_busy(void **state)
{
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_bitmap_create(200, &bitmap, NULL), 0);
	assert_int_equal(smudge_batch_create(1, &batch, NULL), 0);
	smudge_bitmap_fill(bitmap);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 200, batch), 0);
	assert_int_equal(smudge_batch_destroy(batch), -EBUSY);
	assert_int_equal(smudge_batch_npages(batch), 200);
	smudge_batch_discard(batch);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_batch_destroy(NULL), 0);
	smudge_bitmap_destroy(bitmap);
}

TEST_MAIN(test_destroy_busy)
