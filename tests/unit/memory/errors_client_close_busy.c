/* SPDX-License-Identifier: MIT */
/*
 * Closing a client that holds a batch: -EBUSY, the client stays open.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_close_busy(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, 100, batch, NULL), 0);
	assert_int_equal(smudge_client_close(client), -EBUSY);
	smudge_region_mark(region, 5, 1);
	assert_int_equal(smudge_client_dirty_pages(client), 1);
	assert_int_equal(smudge_client_commit(client, batch), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_close_busy)
