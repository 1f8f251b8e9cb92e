/* SPDX-License-Identifier: MIT */
/*
 * Destroying a memory with an open client, or a region that is held: -EBUSY,
 * and nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"
#include "sentence.h"

static void test_destroy_busy(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err;

	expect_sentence(&err, smudge_memory_destroy(f->memory, &err), -EBUSY,
			"client fixture is open: close it first");
	assert_int_equal(smudge_memory_regions(f->memory, NULL, 0), 1);
	assert_int_equal(smudge_client_count(f->client, f->region, 0, 100),
			 100);
	assert_int_equal(smudge_memory_destroy(NULL, NULL), 0);
}

static void test_destroy_held(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err;

	fixture_unwatch(f);
	smudge_region_hold(f->region);
	expect_sentence(&err, smudge_memory_destroy(f->memory, &err), -EBUSY,
			"region ram-0 has 1 holds: release them first");
	smudge_region_release(f->region);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_destroy_busy,
	       test_destroy_held)
