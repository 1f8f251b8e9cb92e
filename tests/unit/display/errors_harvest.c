/* SPDX-License-Identifier: MIT */
/*
 * A source that cannot be harvested: its error, no rectangle is returned, and
 * the next refresh that succeeds compares all that it covers.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"
#include "fake_source.h"

static void test_harvest(void **state)
{
	struct smudge_error err = {0};
	struct smudge_rect rects[4];
	struct fake_source fake;
	struct display_rig rig;
	size_t n = 77;

	rig_start(&rig, 64, 12);
	fake_create(&fake, true);
	assert_int_equal(
		smudge_region_attach(rig.region, fake.source, 0, 0, NULL), 0);
	rig_open(&rig, rig_mode(0, 1024, 256, 256));
	rig_refresh(&rig, rects, 4);
	/* the source fails before it could report it */
	rig_store(&rig, rig_at(&rig, 9, 200), 1);
	fake.harvest_error = -EIO;
	assert_int_equal(
		smudge_display_refresh(rig.display, rects, 4, &n, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_true(err.message[0]);
	assert_int_equal(err.region, smudge_region_id(rig.region));
	assert_int_equal(n, 77);
	fake.harvest_error = 0;
	assert_int_equal(rig_refresh(&rig, rects, 4), 1);
	rig_close(&rig);
	fake_destroy(&fake);
	rig_stop(&rig);
}

TEST_MAIN(test_harvest)
