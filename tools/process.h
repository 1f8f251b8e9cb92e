/* SPDX-License-Identifier: MIT */
/*
 * Child processes that never outlive their parent.
 */
#ifndef TOOLS_PROCESS_H
#define TOOLS_PROCESS_H

#include <stdbool.h>

#include <sys/types.h>

struct smudge_error;

struct process {
	pid_t pid;  /* 0: none */
	int signal; /* what ended it, 0: nothing did */
};

/*
 * process_start - run a program
 * @argv: NULL-terminated; argv[0] is the path
 * @log_path: where its stdout and stderr go; stdin is empty
 *
 * The kernel kills the child when the calling thread dies.
 * Return: 0, or -errno with one sentence (a program that cannot be run too).
 */
int process_start(struct process *process, char *const argv[],
		  const char *log_path, struct smudge_error *err);

/* True while it has not ended; a dead one is reaped. */
bool process_alive(struct process *process);

/* Kill and reap it, if there is one. */
void process_kill(struct process *process);

/*
 * Where the running program lies, without a trailing slash.
 * Return: 0, or -errno.
 */
int process_own_folder(char *buf, size_t size);

#endif
