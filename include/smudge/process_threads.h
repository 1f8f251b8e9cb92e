/* SPDX-License-Identifier: MIT */
/*
 * A process that stands for a while: one moment of its memory, and its threads.
 * process.h includes it.
 */
#ifndef SMUDGE_PROCESS_THREADS_H
#define SMUDGE_PROCESS_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attributes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_process;

/*
 * smudge_process_stop - stop every thread of the process, until
 *      smudge_process_continue
 * @process: process (borrowed)
 * @err: receives the failure; may be NULL
 *
 * The memory is that of one moment then, and so are the registers that
 * smudge_process_each_thread gives. Harvests, looks and reads work meanwhile;
 * a quiesced harvest is right if nothing else writes (WHAT IS NOT SEEN), and
 * the process has no I/O into pinned pages in flight: its threads have no
 * blocking call of O_DIRECT left, but AIO and io_uring continue
 * (smudge_process_each_writer). A process that was stopped by a signal stays
 * stopped afterwards, and signals that arrive meanwhile are delivered then.
 * System calls that Linux interrupts for a stop are made again; those of
 * KVM_RUN return EINTR. Children of fork, other processes that share the
 * memory and workers of the kernel run on.
 *
 * A process of this one holds it: while this process is stopped itself
 * (SIGSTOP), the other one stands too. If this process ends in whatever way, or
 * executes another program, the other one runs on; also if what holds it is
 * killed, which smudge_process_continue returns. A process that is killed while
 * it stands ends.
 *
 * Blocks: until all threads stand, at most stop_timeout_ms, and some us for
 * each thread; on the locks; to attach again after exec(2). Threads: any.
 * State after failure: the process runs.
 * Return: 0, -EALREADY (it stands), -ETIMEDOUT (a thread did not stop in time:
 * it waits for a device, or for a child of vfork; the sentence names it),
 * -ESRCH (the process has ended), -EBUSY (another process traces it), -EPERM
 * (it executes a program that may not be traced; a child of fork), -EIO (what
 * stops it was killed), -EAGAIN (no process could be made), the errors of an
 * attachment after exec(2) as smudge_process_open, -ENOMEM, -EMFILE, -ENFILE.
 */
int smudge_process_stop(struct smudge_process *process,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_process_continue - let the process run that smudge_process_stop
 *      stopped
 * @process: process (borrowed)
 * @err: receives the failure; may be NULL
 *
 * Blocks: until all its threads run; on the lock. Threads: any.
 * State after failure: the process runs; after -EPERM nothing has changed.
 * Return: 0, -EINVAL (it does not stand), -EIO (it was let go before: what held
 * it was killed, so the memory that was read may be of several moments), -ESRCH
 * (it was killed while it stood), -EPERM (in a child of fork).
 */
int smudge_process_continue(struct smudge_process *process,
			    struct smudge_error *err) SMUDGE_NONNULL(1);

/* A thread of a process that stands; valid during the call. */
struct smudge_process_thread {
	size_t size; /* set by the library */
	pid_t tid;
	/*
	 * Register sets in the kernel's layout, as a core file has them:
	 * NT_PRSTATUS's pr_reg (struct user_regs_struct), NT_PRFPREG,
	 * NT_X86_XSTATE (NULL where the processor has none). A thread in a
	 * system call is shown behind it: orig_rax is the call, and rax the
	 * kernel's code for how it is made again (-512 to -516).
	 */
	const void *general;
	size_t general_bytes;
	const void *floating;
	size_t floating_bytes;
	const void *extended;
	size_t extended_bytes;
	/* NT_SIGINFO, of the stop itself: SIGTRAP, or the signal that stopped
	   the process before; NULL if the kernel has none */
	const void *siginfo;
	size_t siginfo_bytes;
	/* bit n - 1 is signal n */
	uint64_t blocked_signals;
	uint64_t pending_signals;	  /* of this thread */
	uint64_t process_pending_signals; /* of the whole process */
};

/*
 * smudge_process_each_thread - list the threads of a process that stands
 * @process: process (borrowed)
 * @each: called for each, first for the one whose id is the process's, if it
 *      has not ended; it makes no call of the library for this process or its
 *      memory
 * @opaque: passed to @each
 * @err: receives the failure; may be NULL
 *
 * What is given was read when the process stopped. Workers of the kernel have
 * no registers and are not among them.
 * Blocks: on the lock. Threads: any.
 * State after failure: @each was not called.
 * Return: 0, -EINVAL (it does not stand), -EIO (it was let go before: what held
 * it was killed), -EPERM (in a child of fork).
 */
int smudge_process_each_thread(
	struct smudge_process *process,
	void (*each)(void *opaque, const struct smudge_process_thread *thread),
	void *opaque, struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
