/* SPDX-License-Identifier: MIT */
/*
 * A command of the user's, run by the shell, that may hang.
 */
#ifndef COMMON_SHELL_COMMAND_H
#define COMMON_SHELL_COMMAND_H

#include <stdint.h>

struct smudge_error;

struct shell_command {
	const char *name; /* of the option that gave it, for sentences */
	const char *text; /* for /bin/sh -c */
	/* "NAME=VALUE", NULL-terminated: in place of those it would inherit */
	const char *const *environment;
	int end_fd;	     /* ends it once it is readable; -1: none */
	uint64_t timeout_ns; /* 0: none */
};

/*
 * shell_command_run - run it, and wait until it has ended
 *
 * It is a process group of its own, so that Ctrl-C on the terminal is this
 * program's to handle. Its stdin is empty, and what it says on stdout goes to
 * stderr. When its time has passed, or end_fd is readable, the whole group is
 * killed. What it left in the background when it ended by itself runs on.
 *
 * Blocks: until then. Threads: any.
 * Return: 0 (it ended with status 0), -EIO (with another one, or by a signal),
 * -ETIMEDOUT, -ECANCELED, -EAGAIN, -ENOMEM (it could not be started), or
 * another -errno, with one sentence.
 */
int shell_command_run(const struct shell_command *command,
		      struct smudge_error *err);

#endif
