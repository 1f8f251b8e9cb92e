/* SPDX-License-Identifier: MIT */
/*
 * Instructions in the target's own code that make a system call and return
 * from a signal. Nothing is written into its code.
 */
#ifndef LIB_PROCESS_X86_CODE_H
#define LIB_PROCESS_X86_CODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "process/target.h"

/*
 * struct smi_code is: call: syscall; ret. restorer: mov $15, %eax; syscall.
 *
 * smi_x86_code_find - search the mapped files, and the vdso
 *
 * @err: receives the failure; may be NULL
 *
 * Return: 0, -EOPNOTSUPP (one of them is nowhere), -EAGAIN (nor are its
 * libraries, since it has just been executed), -ESRCH (it has ended), or
 * another -errno of smi_vmas_each.
 */
int smi_x86_code_find(pid_t pid, struct smi_code *ret_code,
		      struct smudge_error *err);

/* Is it still there? Addresses of 0 are not. */
bool smi_x86_code_is_there(pid_t pid, const struct smi_code *code);

#endif
