/* SPDX-License-Identifier: MIT */
/*
 * Attaching a source that is attached already: -EBUSY, it stays where it is.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_attach_busy(void **state)
{
	struct fixture f;
	struct smudge_error err = {0};
	struct fake_source fake;

	fixture_open(&f, 100);
	fake_create(&fake, false);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 0, 10, NULL), 0);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 20, 10, &err),
		-EBUSY);
	assert_int_equal(err.code, -EBUSY);
	assert_int_equal(smudge_source_detach(fake.source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 20, 10, NULL), 0);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_attach_busy)
