/* SPDX-License-Identifier: MIT */
/*
 * Time and interruption; see clock.h.
 */
#include "clock.h"

#include <signal.h>
#include <string.h>
#include <time.h>

/* the only thing a signal handler may write */
static volatile sig_atomic_t signal_seen;

int64_t clock_now_ms(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void clock_sleep_ms(int64_t ms)
{
	const struct timespec span = {.tv_sec = ms / 1000,
				      .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&span, NULL);
}

static void note_signal(int number)
{
	signal_seen = number;
}

void interrupt_watch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = note_signal;
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

bool interrupted(void)
{
	return signal_seen != 0;
}
