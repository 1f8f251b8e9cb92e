/* SPDX-License-Identifier: MIT */
/*
 * Committing or returning a batch that another client took, or a bare bitmap:
 * -EINVAL, the batch is unchanged. An empty one is a no-op. Calls for bare
 * bitmaps leave a client's batch alone.
 */
#include "support.h"

#include <errno.h>

#include <smudge/bitmap.h>

#include "fake_source.h"

static void test_foreign_batch(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client, *other;
	struct smudge_bitmap *bitmap;
	struct smudge_batch *batch;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	other = fake_client(memory, "other", false);
	assert_int_equal(smudge_client_commit(other, batch), 0);
	assert_int_equal(smudge_client_return(other, batch), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, 100, batch, NULL), 0);
	assert_int_equal(smudge_client_commit(other, batch), -EINVAL);
	assert_int_equal(smudge_client_return(other, batch), -EINVAL);
	assert_int_equal(smudge_bitmap_create(10, &bitmap), 0);
	smudge_bitmap_return(bitmap, batch);
	smudge_batch_discard(batch);
	assert_int_equal(smudge_batch_npages(batch), 100);
	assert_int_equal(smudge_bitmap_count(bitmap, 0, 10), 0);
	assert_int_equal(smudge_client_commit(client, batch), 0);
	smudge_bitmap_fill(bitmap);
	assert_int_equal(smudge_bitmap_take(bitmap, 0, 10, batch), 0);
	assert_int_equal(smudge_client_commit(client, batch), -EINVAL);
	assert_int_equal(smudge_client_return(client, batch), -EINVAL);
	smudge_batch_discard(batch);
	smudge_bitmap_destroy(bitmap);
	assert_int_equal(smudge_client_close(other), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_foreign_batch)
