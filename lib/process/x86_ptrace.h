/* SPDX-License-Identifier: MIT */
/*
 * Calls of ptrace(2) for one thread that stands. Each returns 0 or -errno:
 * -ESRCH when the thread was killed.
 */
#ifndef LIB_PROCESS_X86_PTRACE_H
#define LIB_PROCESS_X86_PTRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

int smi_x86_get_registers(pid_t tid, struct user_regs_struct *ret_regs);
int smi_x86_set_registers(pid_t tid, const struct user_regs_struct *regs);

/* The blocked signals; those that a call like ppoll(2) has set aside. */
int smi_x86_get_mask(pid_t tid, uint64_t *ret_mask);
int smi_x86_set_mask(pid_t tid, uint64_t mask);

/*
 * Tell stops at system calls from others; and while @without_filters, its
 * seccomp filters do not apply. -EPERM: that takes CAP_SYS_ADMIN, and no filter
 * of our own; -EINVAL: this kernel cannot.
 */
int smi_x86_set_options(pid_t tid, bool without_filters);
int smi_x86_clear_options(pid_t tid);

#endif
