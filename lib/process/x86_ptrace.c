/* SPDX-License-Identifier: MIT */
/*
 * One function per request; errno becomes a return value.
 */
#include "process/x86_ptrace.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>

#define SUSPEND_SECCOMP (1L << 21) /* PTRACE_O_SUSPEND_SECCOMP, Linux 4.3 */
#define MASK_BYTES	8

static int set_options(pid_t tid, long options)
{
	return ptrace(PTRACE_SETOPTIONS, tid, NULL, options) < 0 ? -errno : 0;
}

int smi_x86_get_registers(pid_t tid, struct user_regs_struct *ret_regs)
{
	return ptrace(PTRACE_GETREGS, tid, NULL, ret_regs) < 0 ? -errno : 0;
}

int smi_x86_set_registers(pid_t tid, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, tid, NULL, regs) < 0 ? -errno : 0;
}

int smi_x86_get_mask(pid_t tid, uint64_t *ret_mask)
{
	return ptrace(PTRACE_GETSIGMASK, tid, (long)MASK_BYTES, ret_mask) < 0
		       ? -errno
		       : 0;
}

int smi_x86_set_mask(pid_t tid, uint64_t mask)
{
	return ptrace(PTRACE_SETSIGMASK, tid, (long)MASK_BYTES, &mask) < 0
		       ? -errno
		       : 0;
}

int smi_x86_set_options(pid_t tid, bool without_filters)
{
	return set_options(tid,
			   PTRACE_O_TRACESYSGOOD |
				   (without_filters ? SUSPEND_SECCOMP : 0));
}

int smi_x86_clear_options(pid_t tid)
{
	return set_options(tid, 0);
}
