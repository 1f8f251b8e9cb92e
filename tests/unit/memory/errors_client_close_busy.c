/* SPDX-License-Identifier: MIT */
/*
 * Closing a client that holds a batch: -EBUSY, the client stays open.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_close_busy(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_take(f, 0, 100, NULL), 0);
	assert_int_equal(smudge_client_close(f->client), -EBUSY);
	smudge_region_mark(f->region, 5, 1);
	assert_int_equal(smudge_client_dirty_pages(f->client), 1);
	assert_int_equal(smudge_client_commit(f->client, f->batch), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_close_busy)
