/* SPDX-License-Identifier: MIT */
/*
 * The next pages, and a source that cannot re-arm them: -EIO, a sentence, and
 * the first page that was taken. The bits, the range and the batch are as
 * before the call, which succeeds when it is made again.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_next_rearm(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};
	struct smudge_run rest = {5, 90};
	struct fake_source fake;

	fake_create(&fake, true);
	assert_int_equal(
		smudge_region_attach(f->region, fake.source, 0, 0, NULL), 0);
	assert_int_equal(smudge_client_skip(f->client, f->region, 0, 100, NULL),
			 0);
	fake_write(&fake, 40);
	fake_write(&fake, 42);
	smudge_region_mark(f->region, 70, 2);
	assert_int_equal(smudge_region_harvest(f->region, NULL), 0);
	fake.rearm_error = -ENODEV;
	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest, 3,
						 f->batch, &err),
			 -EIO);
	assert_int_equal(err.code, -EIO);
	assert_true(err.message[0]);
	assert_int_equal(err.region, smudge_region_id(f->region));
	assert_int_equal(err.page, 40);
	assert_int_equal(rest.first_page, 5);
	assert_int_equal(rest.npages, 90);
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_dirty_pages(f->client), 4);
	assert_true(smudge_client_test(f->client, f->region, 40));
	fake.rearm_error = 0;
	assert_int_equal(smudge_client_take_next(f->client, f->region, &rest, 3,
						 f->batch, &err),
			 1);
	assert_int_equal(err.code, 0);
	assert_int_equal(smudge_batch_npages(f->batch), 3);
	assert_int_equal(rest.first_page, 71);
	assert_int_equal(smudge_client_commit(f->client, f->batch), 0);
	fake_destroy(&fake);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_next_rearm)
