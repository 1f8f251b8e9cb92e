/* SPDX-License-Identifier: MIT */
/*
 * Removing a region of which a client holds a batch: -EBUSY, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_remove_busy(void **state)
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
	assert_int_equal(smudge_region_remove(region), -EBUSY);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 1);
	assert_int_equal(smudge_client_return(client, batch), 0);
	assert_int_equal(smudge_client_dirty_pages(client), 100);
	assert_int_equal(smudge_region_remove(region), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_remove_busy)
