/* SPDX-License-Identifier: MIT */
/*
 * Removing a region of which a client holds a batch: -EBUSY, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_remove_busy(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_take(f, 0, 100, NULL), 0);
	assert_int_equal(smudge_region_remove(f->region, NULL), -EBUSY);
	assert_int_equal(smudge_memory_regions(f->memory, NULL, 0), 1);
	assert_int_equal(smudge_client_return(f->client, f->batch), 0);
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
	assert_int_equal(smudge_region_remove(f->region, NULL), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_remove_busy)
