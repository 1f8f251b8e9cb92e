/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of a process that was tracked.
 */
#ifndef TESTS_PROCESS_PROC_OF_H
#define TESTS_PROCESS_PROC_OF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Is nothing left in it? A thread that is traced by a process which is about to
 * end is waited for. Otherwise @text receives what is left.
 */
bool proc_of_is_clean(pid_t pid, unsigned int nuffds, char *text,
		      size_t size_bytes);

/* The letter of a process's state; '\0': there is no such process. */
char proc_of_state(pid_t pid);

char proc_of_thread_state(pid_t pid, pid_t tid);

/* The process that traces a thread; 0: none. */
pid_t proc_of_tracer(pid_t pid, pid_t tid);

#endif
