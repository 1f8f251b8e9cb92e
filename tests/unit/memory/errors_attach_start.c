/* SPDX-License-Identifier: MIT */
/*
 * A source that cannot start when it is attached to a watched region: its
 * error, not attached, and the clients go on without it.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_attach_start(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_error err = {0};
	struct smudge_client *client;
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	fake_create(&fake, false);
	client = fake_client(memory, "c", true);
	fake.start_error = -EPERM;
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, &err),
			 -EPERM);
	assert_int_equal(err.code, -EPERM);
	assert_int_equal(err.region, smudge_region_id(region));
	assert_int_equal(smudge_client_dirty_pages(client), 0);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(fake.harvests, 0);
	fake.start_error = 0;
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	assert_int_equal(smudge_client_dirty_pages(client), 100);
	assert_int_equal(smudge_client_close(client), 0);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_attach_start)
