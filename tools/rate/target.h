/* SPDX-License-Identifier: MIT */
/*
 * A process by its number, which may end and whose number may then be
 * another's.
 */
#ifndef TOOLS_RATE_TARGET_H
#define TOOLS_RATE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "rate/name.h"

struct smudge_error;

struct rate_target {
	pid_t pid;
	int pidfd; /* owned */
	char name[RATE_NAME_BYTES];
};

/*
 * rate_target_open - find a process
 * Return: 0, or -errno with one sentence: -ESRCH (no such process, or it is
 * only another one's thread), -EINVAL (a kernel thread, no first thread, or it
 * is this process).
 */
int rate_target_open(pid_t pid, struct rate_target *ret_target,
		     struct smudge_error *err);
void rate_target_close(struct rate_target *target);

/* Has it ended? A zombie has. */
bool rate_target_has_ended(const struct rate_target *target);

/* Ask for its name again: it may execute another program. */
void rate_target_read_name(struct rate_target *target);

/*
 * rate_target_children - all descendants that are there now
 * @ret_pids: freed by the caller
 * Return: how many, or -errno.
 */
int rate_target_children(pid_t pid, pid_t **ret_pids);

#endif
