/* SPDX-License-Identifier: MIT */
/*
 * A source that does not start: its error, and no display.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"
#include "fake_source.h"

static void test_start(void **state)
{
	const struct smudge_display_mode mode = rig_mode(0, 400, 100, 100);
	struct smudge_display *display = NULL;
	struct smudge_error err = {0};
	struct fake_source fake;
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	fake_create(&fake, true);
	fake.start_error = -EPERM;
	assert_int_equal(
		smudge_region_attach(rig.region, fake.source, 0, 0, NULL), 0);
	assert_int_equal(smudge_display_open(rig.memory, rig.region, &mode,
					     &display, &err),
			 -EPERM);
	assert_int_equal(err.code, -EPERM);
	assert_null(display);
	assert_int_equal(fake_stats(rig.memory).nclients, 0);
	fake.start_error = 0;
	rig_open(&rig, mode);
	rig_close(&rig);
	fake_destroy(&fake);
	rig_stop(&rig);
}

TEST_MAIN(test_start)
