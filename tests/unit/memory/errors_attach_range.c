/* SPDX-License-Identifier: MIT */
/*
 * Attaching to pages that the region does not have: -EINVAL, not attached.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_attach_range(void **state)
{
	struct fixture f;
	struct smudge_error err = {0};
	struct fake_source fake;

	fixture_open(&f, 100);
	fake_create(&fake, false);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 100, 0, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 50, 51, NULL),
		-EINVAL);
	assert_int_equal(smudge_region_attach(f.region, fake.source, 50,
					      UINT64_MAX - 10, NULL),
			 -EINVAL);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 50, 50, NULL), 0);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_attach_range)
