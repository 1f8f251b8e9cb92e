/* SPDX-License-Identifier: MIT */
/*
 * The guardian is stopped at each step for a while.
 */
#include "steps.h"
#include "support.h"

static void test_each_step(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_ATTACHES, TRACKER_STOP_GUARDIAN, false);
}

TEST_MAIN(test_each_step)
