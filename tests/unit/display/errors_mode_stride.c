/* SPDX-License-Identifier: MIT */
/*
 * A stride shorter than a line: -EINVAL and a sentence.
 */
#include "support.h"

#include "display_rig.h"

static void test_mode_stride(void **state)
{
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	rig_refuses(&rig, rig_mode(0, 396, 100, 10), "stride of 396 bytes");
	rig_refuses(&rig, rig_mode(0, 0, 1, 1), "stride of 0 bytes");
	rig_refuses(&rig, rig_mode(0, 65532, 16384, 1), "stride of 65532");
	rig_stop(&rig);
}

TEST_MAIN(test_mode_stride)
