/* SPDX-License-Identifier: MIT */
/*
 * What /proc tells of a process.
 */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/process_stat.h"

/*
 * process_read_stat - read /proc/@pid/stat
 *
 * Return: 0, or -errno: -ENOENT, -ESRCH (there is no such process), -EIO (not
 * the text expected), or that of open(2).
 */
int process_read_stat(pid_t pid, struct process_stat *ret_stat);

/*
 * process_memory_missing - why /proc/PID shows no memory
 * @pid: of a process that has not ended
 *
 * By the flags and the state in /proc/PID/stat. That there is no /proc/PID/exe
 * would not do: a process has none for a moment while it executes a program.
 *
 * Return: what follows "PID " in a sentence; NULL if it has memory, or if it
 * cannot be known.
 */
const char *process_memory_missing(pid_t pid);

/*
 * process_is_ending - is the process killed, or in its last steps?
 *
 * The kernel takes a process's memory and threads before it reports, by a pidfd
 * or to its parent, that the process has ended. Also true of one that has ended
 * and was not waited for, and of one whose first thread alone has ended.
 *
 * Return: false also if it cannot be known.
 */
bool process_is_ending(pid_t pid);

/*
 * process_wait_ending - wait for the end of a process while it is ending
 * @pidfd: of @pid
 * @is_over: asked now and then, true ends the wait; may be NULL
 *
 * Blocks for @max_ms milliseconds at most, and not where the process is not
 * ending. Return: has it ended?
 */
bool process_wait_ending(pid_t pid, int pidfd, int max_ms,
			 bool (*is_over)(void));

#endif
