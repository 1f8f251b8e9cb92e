/* SPDX-License-Identifier: MIT */
/*
 * The host's clock, sleep, and threads that no signal disturbs.
 */
#include "base/host.h"

#include <signal.h>
#include <time.h>

#include "common/clock.h"

int64_t host_now_ns(void)
{
	return clock_now_ns();
}

void host_sleep_ns(uint64_t ns)
{
	struct timespec span = {.tv_sec = (time_t)(ns / CLOCK_NS_PER_S),
				.tv_nsec = (long)(ns % CLOCK_NS_PER_S)};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

int host_thread_start(pthread_t *ret_thread, void *(*run)(void *), void *opaque,
		      int signal)
{
	sigset_t blocked;
	sigset_t before;
	int ret;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	if (signal)
		sigdelset(&blocked, signal);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	ret = pthread_create(ret_thread, NULL, run, opaque);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}
