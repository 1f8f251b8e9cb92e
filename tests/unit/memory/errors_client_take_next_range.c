/* SPDX-License-Identifier: MIT */
/*
 * The next pages of a range that ends beyond the region: -EINVAL and a
 * sentence, nothing is taken.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_take_next_range(void **state)
{
	struct fixture *f = *state;
	struct smudge_error err = {0};
	static const struct smudge_run ranges[] = {
		{0, 101}, {100, 1}, {101, 0}, {50, UINT64_MAX - 9}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct smudge_run rest = ranges[i];

		assert_int_equal(smudge_client_take_next(f->client, f->region,
							 &rest, 1, f->batch,
							 &err),
				 -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_true(err.message[0]);
		assert_int_equal(rest.first_page, ranges[i].first_page);
		assert_int_equal(rest.npages, ranges[i].npages);
	}
	assert_true(smudge_batch_is_empty(f->batch));
	assert_int_equal(smudge_client_dirty_pages(f->client), 100);
}

TEST_MAIN_WITH(fixture_set_up, fixture_tear_down, test_take_next_range)
