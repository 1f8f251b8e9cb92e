/* SPDX-License-Identifier: MIT */
/*
 * What depends on the processor; one file of each name for it.
 */
#ifndef LIB_PROCESS_ARCH_H
#define LIB_PROCESS_ARCH_H

#include <stdbool.h>

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

/*
 * Is a thread that sleeps in a call that smi_arch_repair would repair? true
 * also if it cannot be known.
 */
bool smi_arch_may_be_interrupted(pid_t pid, pid_t tid);

/* Register sets of a thread; where they are, is the caller's memory. */
struct smi_arch_registers {
	size_t general_bytes;  /* NT_PRSTATUS's; at the beginning */
	size_t floating_bytes; /* NT_PRFPREG; behind these */
	size_t extended_bytes; /* NT_X86_XSTATE; behind these; 0: none */
};

/* A bound of their sum. */
#define SMI_ARCH_REGISTERS_MAX_BYTES 20480

/*
 * smi_arch_read_registers - of a thread that stands; in the guardian
 * @to: @room_bytes of room, at a multiple of 64
 *
 * Return: 0, or -errno: -ESRCH (it was killed).
 */
int smi_arch_read_registers(pid_t tid, char *to, size_t room_bytes,
			    struct smi_arch_registers *ret_sets);

/* As smi_target_check_uffd and smi_target_make_uffd. */
int smi_arch_check_uffd(struct smi_target *target, struct smudge_error *err);
int smi_arch_make_uffd(struct smi_stop *stop, int *ret_uffd,
		       struct smudge_error *err);

#endif
