/* SPDX-License-Identifier: MIT */
/*
 * The guardian is killed at each step, and the target continues by itself.
 */
#include "steps.h"
#include "support.h"

static void test_each_step(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_ATTACHES, TRACKER_KILL_GUARDIAN, false);
}

TEST_MAIN(test_each_step)
