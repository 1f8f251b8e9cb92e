/* SPDX-License-Identifier: MIT */
/*
 * A refused membarrier(2) is told once, and so is what replaces it.
 */
#include "support.h"

#include <errno.h>
#include <sys/syscall.h>

#include "deny.h"
#include "log_catch.h"
#include "sys/barrier.h"
#include "sys/log.h"

static const struct deny_rule none[] = {
	{.call = SYS_membarrier, .answer = EPERM},
	{.call = SYS_mprotect, .answer = EPERM},
	{.call = SYS_sched_setaffinity, .answer = EPERM},
};

static void deliver(void)
{
	SMI_SYS_LOG_SCOPE();
}

static bool tells_once(void *opaque)
{
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	for (int i = 0; i < 3; i++) {
		if (smi_sys_barrier() || smi_sys_barrier_register() ||
		    smi_sys_barrier_slow())
			return false;
	}
	deliver();
	return c.n == 2 &&
	       log_catch_count(&c, "barrier: membarrier(2) is refused") == 1 &&
	       log_catch_count(&c, "barrier: no other barrier works") == 1 &&
	       c.caught[0].level == SMUDGE_LOG_WARNING;
}

static void test_refused(void **state)
{
	deny_and_run(none, 3, tells_once, NULL);
}

/* Without the last two rules something replaces it, which is told too. */
static bool tells_what_replaces_it(void *opaque)
{
	struct log_catch c;

	log_catch_open(&c, SMUDGE_LOG_INFO);
	if (smi_sys_barrier())
		return false;
	for (int i = 0; i < 3; i++)
		smi_sys_barrier_slow();
	deliver();
	return c.n == 2 && log_catch_count(&c, "membarrier(2)") == 2 &&
	       log_catch_count(&c, "barrier") == 2;
}

static void test_replaced(void **state)
{
	deny_and_run(none, 1, tells_what_replaces_it, NULL);
}

TEST_MAIN(test_refused, test_replaced)
