/* SPDX-License-Identifier: MIT */
/*
 * The signals that end a program.
 */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * Was it ignored when the program began, as by nohup(1), or in a job that a
 * script runs in the background? Then it stays so. Ask before it is handled.
 */
static inline bool signal_is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

#endif
