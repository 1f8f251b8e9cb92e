/* SPDX-License-Identifier: MIT */
/*
 * A refresh without room for a rectangle: -EINVAL, and the next refresh returns
 * the change.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"

static void test_no_room(void **state)
{
	struct smudge_error err = {0};
	struct smudge_rect rects[1];
	struct display_rig rig;
	size_t n = 77;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	rig_refresh(&rig, rects, 1);
	rig_write(&rig, rig_at(&rig, 50, 50), 1);
	assert_int_equal(
		smudge_display_refresh(rig.display, rects, 0, &n, &err),
		-EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_true(err.message[0]);
	assert_int_equal(n, 77);
	assert_int_equal(rig_refresh(&rig, rects, 1), 1);
	rig_stop(&rig);
}

TEST_MAIN(test_no_room)
