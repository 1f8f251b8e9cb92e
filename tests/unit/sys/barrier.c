/* SPDX-License-Identifier: MIT */
/*
 * Replacements of membarrier(2). Each by itself is a barrier for a thread that
 * stores and then loads without a fence; returns false where it cannot be one;
 * and leaves errno and the thread's affinity as they were.
 *
 * A store is in flight for little longer than a system call takes: in 34,000
 * rounds with a system call that is no barrier, one page was lost. So the race
 * shows only that a replacement does something; sys/barrier.h argues that it is
 * a barrier.
 */
#include "barrier_rig.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>

#include "deny.h"

#include "sys/barrier.h"

/* Takes lose pages without a barrier, and not with it. */
static void assert_barrier(enum barrier_answer way)
{
	barrier_need_losses(BARRIER_LEFT_OUT, BARRIER_REFUSED, true);
	assert_true(barrier_rig_keeps(way));
}

static void test_membarrier(void **state)
{
	errno = EXDEV;
	if (!smi_sys_barrier_register() || !smi_sys_barrier())
		test_skip_without("membarrier", "it is not in this kernel");
	assert_int_equal(errno, EXDEV);
	assert_barrier(BARRIER_REAL);
}

static void test_shootdown(void **state)
{
	errno = EXDEV;
	if (!smi_sys_barrier_shootdown())
		test_skip_without("shootdown",
				  "TLB shootdowns need not interrupt here");
	assert_int_equal(errno, EXDEV);
	assert_barrier(BARRIER_SHOOTDOWN);
}

static void test_walk(void **state)
{
	cpu_set_t before, after;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	errno = EXDEV;
	if (!smi_sys_barrier_walk())
		test_skip_without("walk", "not all processors may be used");
	assert_int_equal(errno, EXDEV);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_barrier(BARRIER_WALK);
}

/* A thread that was pinned is pinned again. */
static void test_walk_of_a_pinned_thread(void **state)
{
	cpu_set_t before, one, after;
	int cpu = sched_getcpu();

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	smi_sys_barrier_walk();
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_memory_equal(&one, &after, sizeof(one));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static bool all_refuse(void *opaque)
{
	errno = EXDEV;
	return !smi_sys_barrier() && !smi_sys_barrier_shootdown() &&
	       !smi_sys_barrier_walk() && !smi_sys_barrier_slow() &&
	       errno == EXDEV;
}

static void test_all_denied(void **state)
{
	const struct deny_rule rules[] = {
		{.call = SYS_membarrier, .answer = EPERM},
		{.call = SYS_mprotect, .answer = EPERM},
		{.call = SYS_sched_setaffinity, .answer = EPERM},
	};

	deny_and_run(rules, 3, all_refuse, NULL);
}

/* The kernel does not say which processors there are, or forbids one. */
static bool walk_refuses(void *opaque)
{
	return !smi_sys_barrier_walk();
}

static void test_walk_in_the_dark(void **state)
{
	const struct deny_rule no_open = {.call = SYS_openat, .answer = EACCES};
	const struct deny_rule no_answer = {.call = SYS_sched_getaffinity,
					    .answer = EINVAL};

	deny_and_run(&no_open, 1, walk_refuses, NULL);
	deny_and_run(&no_answer, 1, walk_refuses, NULL);
}

TEST_MAIN(test_membarrier, test_shootdown, test_walk,
	  test_walk_of_a_pinned_thread, test_all_denied, test_walk_in_the_dark)
