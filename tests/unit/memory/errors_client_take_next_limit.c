/* SPDX-License-Identifier: MIT */
/*
 * A take of at most 0 pages: -EINVAL and a sentence, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_next_limit(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};
	struct smudge_run rest = {10, 20};

	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest, 0,
						 f->batch, &err),
			 -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_int_equal(rest.first_page, 10);
	assert_int_equal(rest.npages, 20);
	rest.npages = 0;
	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest, 0,
						 f->batch, NULL),
			 -EINVAL);
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_next_limit)
