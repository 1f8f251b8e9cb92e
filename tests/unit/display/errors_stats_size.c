/* SPDX-License-Identifier: MIT */
/*
 * Statistics into a struct that is too small: -EINVAL, nothing is written.
 */
#include "support.h"

#include <errno.h>

#include "display_rig.h"

static void test_stats_size(void **state)
{
	struct smudge_display_stats stats = {.size = sizeof(stats) - 1,
					     .refreshes = 77};
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 400, 100, 100));
	assert_int_equal(smudge_display_stats(rig.display, &stats), -EINVAL);
	assert_int_equal(stats.refreshes, 77);
	rig_stop(&rig);
}

TEST_MAIN(test_stats_size)
