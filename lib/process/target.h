/* SPDX-License-Identifier: MIT */
/*
 * A process that is not ours: checked, stopped for a moment, and let go as it
 * was. Nothing of it is changed but what a call here says, and that is undone.
 *
 * THE GUARDIAN. A process stands only while smi_target_while_stopped runs, and
 * what runs then is a process of its own, the guardian: a child that shares
 * this process's memory and descriptors (as after vfork(2); the calling thread
 * waits for it). It is the tracer. If our process is killed while the target
 * stands, the guardian completes the call, lets the target go as it was, and
 * ends. All its signals are blocked, so Ctrl-C, Ctrl-Z and a SIGTERM to our
 * process come after the call. It has no exit signal, so a program's own
 * waitpid(2) and handlers of SIGCHLD do not see it.
 *
 * WHAT A FUNCTION FOR THE GUARDIAN MAY DO. Other threads of our process
 * continue, or were killed while they held a lock. So it takes no lock and
 * allocates nothing: no malloc, no stdio, no log. System calls,
 * smudge_error_set and memory that was prepared before are fine.
 *
 * IF THE GUARDIAN ITSELF IS KILLED (by its own id, with its process group, or
 * for want of memory), the target continues by itself:
 * - a call that was interrupted and not yet repaired returns EINTR, as after
 *   SIGSTOP and SIGCONT;
 * - a userfaultfd that was being made may stay open in it, unused and closed on
 *   exec;
 * - a thread whose seccomp filter kills userfaultfd(2) may die of it, if it was
 *   in that call.
 */
#ifndef LIB_PROCESS_TARGET_H
#define LIB_PROCESS_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

#include "process/claim.h"

/* Addresses of instructions in a program. */
struct smi_code {
	uint64_t call;	   /* makes a system call and returns */
	uint64_t restorer; /* returns from a signal */
};

/* A process that may be stopped. Fields are read only to others. */
struct smi_target {
	pid_t pid;
	int pidfd;
	struct smi_claim claim; /* says that smudge tracks it */
	uint64_t start_time;	/* clock ticks since boot; tells pids apart */
	struct smi_code code;	/* as last found; 0 before */
};

/* A process that stands; exists only in a function for the guardian. */
struct smi_stop;

/*
 * smi_target_open - check a process, before anything of it is touched
 * @pid: the process, not one of its other threads
 * @ret_target: receives it; the caller owns it
 * @err: receives the first failure; may be NULL
 *
 * Blocks: no. Threads: any.
 * State after failure: nothing is left.
 * Return: 0, -EINVAL (no process can have this number; a thread of a process;
 * this process, or one that shares its memory; a kernel thread), -ESRCH (no
 * such process, or it has ended), -EBUSY (another process traces it, or another
 * smudge tracks it), -EPERM (not allowed; the sentence says by what, and what
 * is needed), -EOPNOTSUPP (a program of another kind than 64-bit ones of this
 * processor), -ENOENT (/proc is missing, or is that of another pid namespace),
 * -EIO (its text is not as expected), -ENOSYS (no pidfd_open: Linux 5.3),
 * -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_target_open(pid_t pid, struct smi_target *ret_target,
		    struct smudge_error *err);

/* Close the descriptors; nothing of the process is touched. */
void smi_target_close(struct smi_target *target);

/* Has the process ended? (pid may be another's then.) */
bool smi_target_has_ended(const struct smi_target *target);

/*
 * The same of one whose memory or threads have gone, which end a moment before
 * it. Blocks: up to 200 ms; no signal makes that shorter.
 */
bool smi_target_ends(const struct smi_target *target);

/*
 * What runs while the process stands, in the guardian. 0, or a negative errno
 * that smi_target_while_stopped returns.
 */
typedef int (*smi_target_fn)(struct smi_stop *stop, void *opaque,
			     struct smudge_error *err);

/*
 * smi_target_while_stopped - stop every thread of a process, do something, and
 *      let it go
 * @target: an open target
 * @timeout_ms: the longest time to wait until all threads stand; threads that
 *      stand already wait as long. Not 0
 * @fn: called once when all stand; see above what it may do
 * @opaque: passed to @fn
 * @ret_stopped_ns: receives how long the process stood: from the first request
 *      until the last thread was let go. Written after a failure too, may be
 *      NULL
 * @err: receives the first failure; may be NULL
 *
 * A process that is stopped by a signal stays stopped. Signals that arrive
 * meanwhile are delivered afterwards. System calls that Linux interrupts for a
 * stop are made again (see interrupted.h); those of KVM_RUN return EINTR.
 * Blocks: up to @timeout_ms, and as long as @fn does; signals to the calling
 * thread are handled afterwards. Threads: one at a time per target.
 * State after failure: the process was let go; threads that had not stopped
 * (in an uninterruptible sleep, or waiting for a child of vfork) were not
 * harmed. Those that had been told to stop are waited for, up to a second.
 * Return: 0, what @fn returned, -ETIMEDOUT (a thread did not stop; the sentence
 * says which), -ESRCH (the process has ended), -EBUSY (another process traces
 * one of its threads), -EPERM (not allowed), -EIO (the guardian was killed),
 * -EAGAIN (no process could be made), -ENOMEM, -EMFILE, -ENFILE.
 */
int smi_target_while_stopped(struct smi_target *target, unsigned int timeout_ms,
			     smi_target_fn fn, void *opaque,
			     uint64_t *ret_stopped_ns,
			     struct smudge_error *err);

/*
 * smi_target_check_uffd - can a userfaultfd be made inside this process?
 * @target: an open target; remembers where its code is
 * @err: receives the first failure; may be NULL
 *
 * What can be known without stopping it: the processor, its code, its filters.
 * Blocks: no. Threads: any.
 * Return: 0, -EOPNOTSUPP (smudge cannot do it on this processor, or for this
 * program: no code to return by, a shadow stack), -EPERM (it has a seccomp
 * filter, which only CAP_SYS_ADMIN may suspend), -EAGAIN (it has not yet loaded
 * its libraries), -ESRCH, -EIO, -EMFILE, -ENFILE, -ENOMEM.
 */
int smi_target_check_uffd(struct smi_target *target, struct smudge_error *err);

/*
 * smi_target_make_uffd - make a userfaultfd of a process that stands
 * @stop: as passed to a function for the guardian
 * @ret_uffd: receives the descriptor, which is of this process alone; the
 *      caller owns it
 * @err: receives the first failure; may be NULL
 *
 * One thread of the target runs userfaultfd(2) and close(2); then all its
 * registers, its signal mask and errno are as they were. The descriptor is
 * closed on exec, does not block, and for faults of user mode only, which with
 * asynchronous write-protection means all; UFFDIO_API is the caller's.
 * Blocks: for two system calls of the target.
 * State after failure: the target is as it was.
 * Return: 0, what smi_target_check_uffd returns, -EAGAIN (no thread is in a
 * state in which it can be done; try again later), -ENOSYS (no userfaultfd in
 * this kernel), -EPERM, -EACCES (not allowed to the target), -EMFILE, -ENFILE
 * (the target has no descriptor left, or we have), -ESRCH (it has ended).
 */
int smi_target_make_uffd(struct smi_stop *stop, int *ret_uffd,
			 struct smudge_error *err);

/*
 * smi_target_attach - stop a process, make a userfaultfd of it, and let it go
 *
 * smi_target_while_stopped with smi_target_make_uffd; tries again, within
 * @timeout_ms, while no thread is in a state in which it can be done.
 * Parameters and errors are theirs.
 */
int smi_target_attach(struct smi_target *target, unsigned int timeout_ms,
		      int *ret_uffd, uint64_t *ret_stopped_ns,
		      struct smudge_error *err);

#endif
