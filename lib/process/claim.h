/* SPDX-License-Identifier: MIT */
/*
 * One smudge per process: two things that the kernel gives once. Both leave
 * nothing, and are gone with their descriptors, whatever ends their owner.
 *
 * A lock (flock(2)) of /proc/PID/mem, which only a user who may trace the
 * process can open. It is of one mount of /proc.
 *
 * The name of an abstract UNIX socket: the target's pid namespace, its id there
 * and the moment it began. It is of a network namespace. Any user can take any
 * such name, so it counts only if root, this user or the process's has it.
 *
 * A smudge that has neither in common with this one is seen only by the kernel,
 * which registers each mapping with one userfaultfd.
 */
#ifndef LIB_PROCESS_CLAIM_H
#define LIB_PROCESS_CLAIM_H

#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

struct smi_claim {
	int lock;   /* or -1: the file cannot be opened or locked */
	int socket; /* or -1: another user has taken the name */
};

/* None; smi_claim_end may be called. */
static const struct smi_claim SMI_CLAIM_NONE = {-1, -1};

/*
 * smi_claim_take - claim a process
 * @start_time: its start, in clock ticks
 * @ret_claim: ended by smi_claim_end
 *
 * Return: 0, -EBUSY (claimed already; the sentence names the process that did
 * it), -EMFILE, -ENFILE, -ENOMEM, or another -errno of socket(2) and bind(2).
 */
int smi_claim_take(pid_t pid, uint64_t start_time, struct smi_claim *ret_claim,
		   struct smudge_error *err);
void smi_claim_end(struct smi_claim *claim);

#endif
