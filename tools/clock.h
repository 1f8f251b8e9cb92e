/* SPDX-License-Identifier: MIT */
/*
 * Monotonic milliseconds, and a signal-aware sleep.
 */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_now_ms(void);
/* Returns early when a signal comes. */
void clock_sleep_ms(int64_t ms);

/*
 * From the first call on SIGINT, SIGTERM and SIGHUP are noted instead of
 * ending the process, and interrupt blocking calls.
 */
void interrupt_watch(void);
bool interrupted(void);

/*
 * interrupt_end_fd - cuts short whatever is waited for (common/wait.h)
 *
 * Readable from 0.7 s after the first signal on: until then the command may
 * ask how things stand. If it has not ended 0.25 s later, SIGALRM ends it.
 * Return: borrowed; -1 before interrupt_watch.
 */
int interrupt_end_fd(void);

#endif
