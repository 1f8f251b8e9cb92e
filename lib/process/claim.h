/* SPDX-License-Identifier: MIT */
/*
 * One smudge per process: a name that the kernel gives once.
 *
 * It is an abstract UNIX socket, named by the target's pid namespace, its id
 * there and the moment it began. It is no file, leaves nothing, and is gone
 * with the descriptor, whatever ends its owner. It is of a network namespace:
 * a smudge in another one is not seen here, but by the kernel, which registers
 * each mapping with one userfaultfd.
 */
#ifndef LIB_PROCESS_CLAIM_H
#define LIB_PROCESS_CLAIM_H

#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

/*
 * smi_claim_take - claim a process; close(2) ends it
 * @start_time: its start, in clock ticks
 * @ret_claim: receives the descriptor
 *
 * Return: 0, -EBUSY (claimed already; the sentence names the process that did
 * it), -EMFILE, -ENFILE, -ENOMEM, or another -errno of socket(2) and bind(2).
 */
int smi_claim_take(pid_t pid, uint64_t start_time, int *ret_claim,
		   struct smudge_error *err);

#endif
