/* SPDX-License-Identifier: MIT */
/*
 * What depends on the processor; one file of each name for it.
 */
#ifndef LIB_PROCESS_ARCH_H
#define LIB_PROCESS_ARCH_H

#include <smudge/error.h>

#include "process/stop.h"
#include "process/target.h"

/*
 * smi_arch_check - is it a program that can be stopped and let go unhurt?
 *
 * Return: 0, -EOPNOTSUPP, -ESRCH, -EACCES, -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int smi_arch_check(pid_t pid, struct smudge_error *err);

/*
 * smi_arch_repair - of a thread that has just stopped: make the kernel repeat
 *      the system call that was interrupted for it (interrupted.h)
 */
void smi_arch_repair(pid_t pid, pid_t tid);

/* As smi_target_check_uffd and smi_target_make_uffd. */
int smi_arch_check_uffd(struct smi_target *target, struct smudge_error *err);
int smi_arch_make_uffd(struct smi_stop *stop, int *ret_uffd,
		       struct smudge_error *err);

#endif
