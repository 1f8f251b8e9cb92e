/* SPDX-License-Identifier: MIT */
/*
 * Takes beyond the region: -EINVAL and a sentence, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_range(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};

	assert_int_equal(fixture_take(f, 0, 101, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_int_equal(fixture_take(f, 101, 0, NULL), -EINVAL);
	assert_int_equal(fixture_take(f, 50, UINT64_MAX - 9, NULL), -EINVAL);
	assert_int_equal(smudge_client_skip(f->client, f->region, 50,
					    UINT64_MAX - 9, NULL),
			 -EINVAL);
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_range)
