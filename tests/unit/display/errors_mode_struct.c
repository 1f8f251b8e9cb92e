/* SPDX-License-Identifier: MIT */
/*
 * A mode without the size of its struct: -EINVAL and a sentence.
 */
#include "support.h"

#include "display_rig.h"

static void test_mode_struct(void **state)
{
	struct smudge_display_mode mode = rig_mode(0, 400, 100, 100);
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, mode);
	mode.size = 0;
	rig_refuses(&rig, mode, "size of its struct");
	mode.size = sizeof(mode) - 1;
	rig_refuses(&rig, mode, "size of its struct");
	rig_stop(&rig);
}

TEST_MAIN(test_mode_struct)
