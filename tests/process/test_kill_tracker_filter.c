/* SPDX-License-Identifier: MIT */
/*
 * The same for a process whose seccomp filter kills what makes a userfaultfd.
 */
#include "steps.h"
#include "support.h"

static void test_each_step(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_ATTACHES, TRACKER_KILL, true);
}

TEST_MAIN(test_each_step)
