/* SPDX-License-Identifier: MIT */
/*
 * Taking, skipping and marking in a region the client does not watch:
 * -EINVAL, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_unwatched(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client, *some = NULL;
	struct smudge_client_options o = {.size = sizeof(o), .name = "some"};
	struct smudge_region *other;
	struct smudge_batch *batch;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	assert_non_null(region);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	other = fake_region(memory, 0x1000000, 50);
	o.regions = &other;
	o.nregions = 1;
	assert_int_equal(smudge_client_open(memory, &o, &some, NULL), 0);
	assert_int_equal(smudge_client_take(some, region, 0, 100, batch, NULL),
			 -EINVAL);
	assert_true(smudge_batch_is_empty(batch));
	assert_int_equal(smudge_client_skip(some, region, 0, 100, NULL),
			 -EINVAL);
	assert_int_equal(smudge_client_mark(some, region, 0, 100), -EINVAL);
	assert_int_equal(smudge_client_dirty_pages(client), 150);
	assert_int_equal(smudge_client_close(some), 0);
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_unwatched)
