/* SPDX-License-Identifier: MIT */
/*
 * Taking, skipping and marking in a region the client does not watch:
 * -EINVAL, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_unwatched(void **state)
{
	struct fixture *f = *state;
	struct smudge_client *some = NULL;
	struct smudge_client_options o = {.size = sizeof(o), .name = "some"};
	struct smudge_region *other;

	other = fake_region(f->memory, 0x1000000, 50);
	o.regions = &other;
	o.nregions = 1;
	assert_int_equal(smudge_client_open(f->memory, &o, &some, NULL), 0);
	assert_int_equal(
		smudge_client_take(some, f->region, 0, 100, f->batch, NULL),
		-EINVAL);
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_skip(some, f->region, 0, 100, NULL),
			 -EINVAL);
	assert_int_equal(smudge_client_mark(some, f->region, 0, 100), -EINVAL);
	assert_int_equal(smudge_client_dirty_pages(f->client), 150);
	assert_int_equal(smudge_client_close(some), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_unwatched)
