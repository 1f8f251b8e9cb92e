/* SPDX-License-Identifier: MIT */
/*
 * Pixels that do not begin at multiples of 4 bytes: -EINVAL and a sentence.
 */
#include "support.h"

#include "display_rig.h"

static void test_mode_alignment(void **state)
{
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(4, 404, 100, 100));
	rig_refuses(&rig, rig_mode(1, 400, 100, 100), "multiples of 4");
	rig_refuses(&rig, rig_mode(2, 400, 100, 100), "multiples of 4");
	rig_refuses(&rig, rig_mode(0, 401, 100, 100), "multiples of 4");
	rig_refuses(&rig, rig_mode(UINT64_MAX, 400, 100, 1), "multiples of 4");
	rig_stop(&rig);
}

TEST_MAIN(test_mode_alignment)
