/* SPDX-License-Identifier: MIT */
/*
 * The next pages into a batch that still holds pages: -EBUSY, nothing is
 * taken, from an empty range neither.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_next_busy(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};
	struct smudge_run rest = {0, 100};

	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest,
						 60, f->batch, NULL),
			 1);
	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest,
						 60, f->batch, &err),
			 -EBUSY);
	assert_int_equal(err.code, -EBUSY);
	assert_true(err.message[0]);
	assert_int_equal(rest.first_page, 60);
	assert_int_equal(rest.npages, 40);
	assert_int_equal(smudge_batch_npages(f->batch), 60);
	assert_int_equal(smudge_client_dirty_pages(f->client), 40);
	rest.npages = 0;
	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest,
						 60, f->batch, NULL),
			 -EBUSY);
	assert_int_equal(smudge_client_return(f->client, f->batch), 0);
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_next_busy)
