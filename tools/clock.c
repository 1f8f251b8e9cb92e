/* SPDX-License-Identifier: MIT */
/*
 * Monotonic time, and interruption by signals.
 */
#include "clock.h"

#include "common/clock.h"
#include "common/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#define PATIENCE_NS 700000000
#define LAST_US	    950000

/* set before the handler is installed */
static int end_fd = -1;
/* of the type that a signal handler may write */
static volatile sig_atomic_t signal_seen;

int64_t clock_now_ms(void)
{
	return clock_now_ns() / CLOCK_NS_PER_MS;
}

void clock_sleep_ms(int64_t ms)
{
	const struct timespec span = {.tv_sec = ms / 1000,
				      .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&span, NULL);
}

/* Both are async-signal-safe: each is one system call. */
static void note_signal(int number)
{
	const struct itimerspec soon = {.it_value.tv_nsec = PATIENCE_NS};
	const struct itimerval last = {.it_value.tv_usec = LAST_US};
	int code = errno;

	if (!signal_seen) {
		timerfd_settime(end_fd, 0, &soon, NULL);
		setitimer(ITIMER_REAL, &last, NULL);
	}
	signal_seen = number;
	errno = code;
}

void interrupt_watch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;

	if (end_fd < 0)
		end_fd = timerfd_create(CLOCK_MONOTONIC,
					TFD_CLOEXEC | TFD_NONBLOCK);
	memset(&action, 0, sizeof(action));
	action.sa_handler = note_signal;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!signal_is_ignored(numbers[i]))
			sigaction(numbers[i], &action, NULL);
	}
}

int interrupt_end_fd(void)
{
	return end_fd;
}

bool interrupted(void)
{
	return signal_seen != 0;
}
