/* SPDX-License-Identifier: MIT */
/*
 * A source that cannot start when it is attached to a watched region: its
 * error, not attached, and the clients continue without it.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

static void test_attach_start(void **state)
{
	struct fixture f;
	struct smudge_error err = {0};
	struct fake_source fake;

	fixture_open(&f, 100);
	fake_create(&fake, false);
	fixture_watch(&f, true);
	fake.start_error = -EPERM;
	assert_int_equal(
		smudge_region_attach(f.region, fake.source, 0, 0, &err),
		-EPERM);
	assert_int_equal(err.code, -EPERM);
	assert_int_equal(err.region, smudge_region_id(f.region));
	assert_int_equal(smudge_client_dirty_pages(f.client), 0);
	fixture_harvest(&f);
	assert_int_equal(fake.harvests, 0);
	fake.start_error = 0;
	fixture_attach(&f, fake.source);
	assert_int_equal(smudge_client_dirty_pages(f.client), 100);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_attach_start)
