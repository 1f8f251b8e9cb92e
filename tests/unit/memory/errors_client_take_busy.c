/* SPDX-License-Identifier: MIT */
/*
 * A take into a batch that still holds pages: -EBUSY, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_busy(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fixture_take(f, 0, 100, NULL), 0);
	smudge_region_mark(f->region, 7, 1);
	assert_int_equal(fixture_take(f, 0, 100, NULL), -EBUSY);
	assert_true(smudge_client_test(f->client, f->region, 7));
	assert_int_equal(smudge_batch_npages(f->batch), 100);
	assert_int_equal(smudge_client_return(f->client, f->batch), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_busy)
