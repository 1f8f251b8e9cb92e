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

#endif
