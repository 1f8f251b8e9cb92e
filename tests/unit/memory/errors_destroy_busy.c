/* SPDX-License-Identifier: MIT */
/*
 * Destroying a memory with an open client: -EBUSY, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_destroy_busy(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	assert_int_equal(smudge_memory_destroy(memory), -EBUSY);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 1);
	assert_int_equal(smudge_client_count(client, region, 0, 100), 100);
	assert_int_equal(smudge_memory_destroy(NULL), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_destroy_busy)
