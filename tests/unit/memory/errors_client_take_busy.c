/* SPDX-License-Identifier: MIT */
/*
 * A take into a batch that still holds pages: -EBUSY, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_take_busy(void **state)
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
	smudge_region_mark(region, 7, 1);
	assert_int_equal(
		smudge_client_take(client, region, 0, 100, batch, NULL),
		-EBUSY);
	assert_true(smudge_client_test(client, region, 7));
	assert_int_equal(smudge_batch_npages(batch), 100);
	assert_int_equal(smudge_client_return(client, batch), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_take_busy)
