/* SPDX-License-Identifier: MIT */
/*
 * The tracker, or the keeper, is killed at each step of stopping a process,
 * holding it and letting it run, or the keeper is stopped for a while. The
 * process runs on, and its results stay right.
 */
#include "steps.h"
#include "support.h"

static void test_tracker_killed(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_HOLDS, TRACKER_KILL, false);
}

static void test_tracker_killed_with_filter(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_HOLDS, TRACKER_KILL, true);
}

static void test_keeper_killed(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_HOLDS, TRACKER_KILL_GUARDIAN, false);
}

static void test_keeper_stopped(void **state)
{
	test_need_uffd();
	steps_disturb(TRACKER_HOLDS, TRACKER_STOP_GUARDIAN, false);
}

TEST_MAIN(test_tracker_killed, test_tracker_killed_with_filter,
	  test_keeper_killed, test_keeper_stopped)
