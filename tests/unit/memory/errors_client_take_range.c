/* SPDX-License-Identifier: MIT */
/*
 * Takes beyond the region: -EINVAL and a sentence, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_take_range(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct smudge_error err = {0};

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, 101, batch, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_int_equal(
		smudge_client_take(client, region, 101, 0, batch, NULL),
		-EINVAL);
	assert_int_equal(smudge_client_take(client, region, 50, UINT64_MAX - 9,
					    batch, NULL),
			 -EINVAL);
	assert_int_equal(
		smudge_client_skip(client, region, 50, UINT64_MAX - 9, NULL),
		-EINVAL);
	assert_true(smudge_batch_is_empty(batch));
	assert_int_equal(smudge_client_dirty_pages(client), 100);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_take_range)
