/* SPDX-License-Identifier: MIT */
/*
 * Modes that end beyond their region, by a pixel or by more than 64 bits
 * hold: -EINVAL and a sentence with the region's name.
 */
#include "support.h"

#include "display_rig.h"

static void refuses(struct display_rig *rig, uint64_t offset_bytes,
		    uint32_t stride_bytes, uint32_t width, uint32_t height)
{
	rig_refuses(rig, rig_mode(offset_bytes, stride_bytes, width, height),
		    "ends beyond region screen of 262144 bytes");
}

static void test_mode_place(void **state)
{
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 1024, 256, 256));
	refuses(&rig, 4, 1024, 256, 256);
	refuses(&rig, 0, 1024, 256, 257);
	refuses(&rig, 0, 1028, 256, 256);
	refuses(&rig, 262144, 4, 1, 1);
	refuses(&rig, UINT64_MAX - 3, 4, 1, 1);
	refuses(&rig, UINT64_MAX - 4095, 4096, 1024, 1);
	refuses(&rig, 0, UINT32_MAX - 3, 1, 2);
	refuses(&rig, 0, UINT32_MAX - 3, 16384, 16384);
	/* stride times height is 2^32 bytes, or 0 in 32 bits */
	refuses(&rig, 0, 1 << 18, 1 << 14, 1 << 14);
	rig_stop(&rig);
}

TEST_MAIN(test_mode_place)
