/* SPDX-License-Identifier: MIT */
/*
 * Removing a region of which a client has a batch, or that is held: -EBUSY, and
 * nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"
#include "sentence.h"

static void test_remove_busy(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err;

	assert_int_equal(fixture_take(f, 0, 100, NULL), 0);
	expect_sentence(&err, smudge_region_remove(f->region, &err), -EBUSY,
			"client fixture has a batch of region ram-0: commit or "
			"return it first");
	assert_int_equal(smudge_memory_regions(f->memory, NULL, 0), 1);
	assert_int_equal(smudge_client_return(f->client, f->batch), 0);
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
	assert_int_equal(smudge_region_remove(f->region, NULL), 0);
}

static void test_remove_held(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err;

	smudge_region_hold(f->region);
	smudge_region_hold(f->region);
	expect_sentence(&err, smudge_region_remove(f->region, &err), -EBUSY,
			"region ram-0 has 2 holds: release them first");
	smudge_region_release(f->region);
	smudge_region_release(f->region);
	assert_int_equal(smudge_memory_regions(f->memory, NULL, 0), 1);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_remove_busy,
	       test_remove_held)
