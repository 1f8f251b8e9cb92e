/* SPDX-License-Identifier: MIT */
/*
 * Destroying a memory with an open client: -EBUSY, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_destroy_busy(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(smudge_memory_destroy(f->memory, NULL), -EBUSY);
	assert_int_equal(smudge_memory_regions(f->memory, NULL, 0), 1);
	assert_int_equal(smudge_client_count(f->client, f->region, 0, 100),
			 100);
	assert_int_equal(smudge_memory_destroy(NULL, NULL), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_destroy_busy)
