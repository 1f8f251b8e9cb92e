/* SPDX-License-Identifier: MIT */
/*
 * Monotonic milliseconds, a sleep that signals end, and interruption by
 * signals.
 */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_now_ms(void);
/* Returns early if a signal arrives. */
void clock_sleep_ms(int64_t ms);

/*
 * After the first call SIGINT, SIGTERM and SIGHUP do not end the process any
 * more: they are noted, and interrupt blocking calls. One that was ignored
 * before stays so.
 */
void interrupt_watch(void);
/* Has one of these signals been noted? */
bool interrupted(void);

/*
 * interrupt_end_fd - the descriptor that ends all waits (common/wait.h)
 *
 * It becomes readable 0.7 s after the first signal: until then the command may
 * still ask for the state of its work. If the command has not ended 0.25 s
 * later, SIGALRM ends it.
 * Return: borrowed; -1 before interrupt_watch.
 */
int interrupt_end_fd(void);

#endif
