/* SPDX-License-Identifier: MIT */
/*
 * Which processes have no memory that /proc shows.
 */
#ifndef COMMON_PROCESS_MEMORY_H
#define COMMON_PROCESS_MEMORY_H

#include <sys/types.h>

/*
 * process_memory_missing - why /proc/PID shows no memory
 * @pid: of a process that has not ended
 *
 * By the flags and the state in /proc/PID/stat (proc(5)). That there is no
 * /proc/PID/exe would not do: a process has none for a moment while it executes
 * a program.
 *
 * Return: what follows "PID " in a sentence; NULL if it has memory, or if it
 * cannot be known.
 */
const char *process_memory_missing(pid_t pid);

#endif
