/* SPDX-License-Identifier: MIT */
/*
 * By system calls, since musl's functions of these names only fail.
 */
#include "process/urgent.h"

#include <sys/syscall.h>
#include <unistd.h>

#define LOWEST 1 /* of the real-time priorities */

static bool set(int policy, const struct sched_param *param)
{
	return syscall(SYS_sched_setscheduler, 0, policy, param) == 0;
}

static bool is_real_time(long policy)
{
	policy &= ~(long)SCHED_RESET_ON_FORK;
	return policy != SCHED_OTHER && policy != SCHED_BATCH &&
	       policy != SCHED_IDLE;
}

void smi_urgent_begin(struct smi_urgent *urgent)
{
	const struct sched_param lowest = {.sched_priority = LOWEST};
	long policy = syscall(SYS_sched_getscheduler, 0);

	urgent->is_changed =
		policy >= 0 && !is_real_time(policy) &&
		syscall(SYS_sched_getparam, 0, &urgent->param) == 0 &&
		set(SCHED_FIFO, &lowest);
	urgent->policy = (int)policy;
}

void smi_urgent_end(const struct smi_urgent *urgent)
{
	if (urgent->is_changed)
		set(urgent->policy, &urgent->param);
}
