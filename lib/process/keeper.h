/* SPDX-License-Identifier: MIT */
/*
 * A guardian (guardian.h) that stays when its work is done, and keeps what it
 * traces until it is told to end. It also ends when our process ends or
 * executes another program, and when one of the threads that it traces ends:
 * then their process was killed.
 */
#ifndef LIB_PROCESS_KEEPER_H
#define LIB_PROCESS_KEEPER_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct smi_keeper {
	char *memory; /* its stack is in it */
	pid_t pid;
	int line; /* to it: a byte or the end of file ends it */
	/* Cleared by the kernel when it ends, before what it traces runs. */
	_Atomic int is_alive;
	/* What it waits for: its end of the line, our end, a child's. */
	struct pollfd ends[3];
	char signal[128]; /* room for a signal that is read */
	siginfo_t child;
};

/*
 * smi_keeper_start - run @fn in a guardian; if it returns 0, the guardian stays
 * @keeper: at the same place until smi_keeper_end
 * @fn: what it does, as for smi_guardian_run; opens no descriptor for us
 * @ret_result: receives what @fn returned
 *
 * Blocks: until @fn has returned, also if a signal arrives. Threads: any.
 * State after failure, or if @fn did not return 0: it has ended.
 * Return: 0, or -errno: -EIO (it was killed before @fn returned), -EAGAIN (no
 * process could be made), -ENOMEM, -EMFILE, -ENFILE, -ENOSYS (no pidfd_open:
 * Linux 5.3).
 */
int smi_keeper_start(struct smi_keeper *keeper, int (*fn)(void *opaque),
		     void *opaque, int *ret_result);

/*
 * Does it stay still? If so, what it traces has not run until now: pairs with
 * the kernel, which clears the mark first.
 */
bool smi_keeper_stays(const struct smi_keeper *keeper);

/*
 * smi_keeper_end - end it, and wait for that
 *
 * Blocks: until it has ended. Threads: any.
 * Return: 0, or -EIO (it had ended before).
 */
int smi_keeper_end(struct smi_keeper *keeper);

#endif
