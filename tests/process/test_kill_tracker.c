/* SPDX-License-Identifier: MIT */
/*
 * The tracker is killed at each step; its guardian completes the attachment.
 */
#include "steps.h"
#include "support.h"

static void test_each_step(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_ATTACHES, TRACKER_KILL, false);
}

TEST_MAIN(test_each_step)
