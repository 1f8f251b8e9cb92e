/* SPDX-License-Identifier: MIT */
/*
 * Signals of a program's own, as a VMM's timers send them: the calling thread
 * gets one after the other, and their handler has no SA_RESTART, so that Linux
 * ends calls that wait with EINTR. One storm at a time in a thread.
 */
#ifndef TESTS_SUPPORT_STORM_H
#define TESTS_SUPPORT_STORM_H

#include <time.h>

struct storm {
	timer_t timer;
};

/*
 * One signal each @period_us, or as often as the thread also does something
 * else on a slow machine, until storm_end in the same thread. @on_signal is
 * called by the handler with the number of the signal, from 1 on, and may do
 * what handlers may; NULL: nothing. It is the same for all threads.
 */
void storm_begin(struct storm *storm, unsigned int period_us,
		 void (*on_signal)(unsigned long number));
void storm_end(struct storm *storm);

/* Signals that came in since the last storm_begin, in any thread. */
unsigned long storm_count(void);

#endif
