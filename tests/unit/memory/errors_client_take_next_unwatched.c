/* SPDX-License-Identifier: MIT */
/*
 * The next pages of a region the client does not watch: -EINVAL and a sentence
 * that names both, nothing happens.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_next_unwatched(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};
	struct smudge_client *some = NULL;
	struct smudge_client_options o = {.size = sizeof(o),
					  .name = "some",
					  .regions = &f->region,
					  .nregions = 1};
	struct smudge_region *other;
	struct smudge_run rest = {3, 7};

	other = fake_region(f->memory, 0x1000000, 50);
	assert_int_equal(smudge_client_open(f->memory, &o, &some, NULL), 0);
	assert_int_equal(
		smudge_client_take_next(some, other, &rest, 5, f->batch, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_string_equal(err.message,
			    "client some does not watch region ram-1000000");
	assert_int_equal(err.region, smudge_region_id(other));
	assert_int_equal(err.page, 3);
	assert_int_equal(rest.first_page, 3);
	assert_int_equal(rest.npages, 7);
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_dirty_pages(f->client), 150);
	assert_int_equal(smudge_client_close(some), 0);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_next_unwatched)
