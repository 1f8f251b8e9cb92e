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
	int signal; /* the signal that ended it; 0: none */
};

/*
 * process_start - run a program
 * @argv: NULL-terminated; argv[0] is the path
 * @log_path: receives its stdout and stderr; its stdin is empty
 *
 * The kernel kills the child when the calling thread ends.
 * Return: 0, or -errno with one sentence, also if the program cannot be run.
 */
int process_start(struct process *process, char *const argv[],
		  const char *log_path, struct smudge_error *err);

/* Does it still run? If not, it is reaped. */
bool process_alive(struct process *process);

/* Kill and reap it, if there is one. */
void process_kill(struct process *process);

/*
 * The folder of the running program, without a trailing slash.
 * Return: 0, or -errno.
 */
int process_own_folder(char *buf, size_t size);

#endif
