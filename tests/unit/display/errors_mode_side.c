/* SPDX-License-Identifier: MIT */
/*
 * Modes of no pixel or of too many: -EINVAL and a sentence, at open and at
 * set_mode, and the display goes on as it was.
 */
#include "support.h"

#include "display_rig.h"

static void refuses(struct display_rig *rig, uint32_t width, uint32_t height)
{
	rig_refuses(rig, rig_mode(0, UINT32_MAX - 3, width, height), "pixels");
}

static void test_mode_side(void **state)
{
	struct smudge_rect rects[4];
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	for (int is_open = 0; is_open < 2; is_open++) {
		refuses(&rig, 0, 0);
		refuses(&rig, 0, 10);
		refuses(&rig, 10, 0);
		refuses(&rig, SMUDGE_DISPLAY_MAX_SIDE + 1, 1);
		refuses(&rig, 1, SMUDGE_DISPLAY_MAX_SIDE + 1);
		refuses(&rig, UINT32_MAX, UINT32_MAX);
		refuses(&rig, 1 << 30, 1); /* its bytes are 0 in 32 bits */
		if (!is_open)
			rig_open(&rig, rig_mode(0, 400, 100, 100));
		rig_refresh(&rig, rects, 4);
	}
	rig_write(&rig, rig_at(&rig, 1, 1), 1);
	assert_int_equal(rig_refresh(&rig, rects, 4), 1);
	rig_stop(&rig);
}

TEST_MAIN(test_mode_side)
