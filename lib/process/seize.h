/* SPDX-License-Identifier: MIT */
/*
 * To begin to trace a thread, of a process that may execute a program at any
 * moment.
 */
#ifndef LIB_PROCESS_SEIZE_H
#define LIB_PROCESS_SEIZE_H

#include <sys/types.h>

#include "process/threads.h"

/*
 * PTRACE_SEIZE; meanwhile those of @threads that end are waited for. Children
 * that it makes from now on are traced, and stop before they run (born.h).
 * Threads: the guardian's own, which blocks SIGCHLD. Return: 0, or -1 with
 * errno.
 */
long smi_seize(const struct smi_threads *threads, pid_t tid);

/* A thread that has ended is waited for: any of @threads, or this one. */
void smi_seize_wait_for_ended(const struct smi_threads *threads);
void smi_seize_wait_if_ended(pid_t tid);

#endif
