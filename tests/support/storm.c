/* SPDX-License-Identifier: MIT */
/*
 * A timer of CLOCK_MONOTONIC that signals one thread.
 */
#include "storm.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define NS_PER_US 1000
#define NS_PER_S  1000000000

/* A signal takes at most one part of so many of the time. */
#define SHARE  8
#define NTRIED 20

static atomic_ulong count;
static void (*_Atomic on_signal_fn)(unsigned long number);

static void on_signal(int signal)
{
	int saved = errno;
	unsigned long number = atomic_fetch_add(&count, 1) + 1;
	void (*fn)(unsigned long) = atomic_load(&on_signal_fn);

	(void)signal;
	if (fn)
		fn(number);
	errno = saved;
}

static long ns_between(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * NS_PER_S + to->tv_nsec -
	       from->tv_nsec;
}

/* What a signal takes, of the quickest of some. */
static long cost_ns(void)
{
	long least_ns = NS_PER_S / 100;

	for (int i = 0; i < NTRIED; i++) {
		struct timespec from, to;
		long ns;

		clock_gettime(CLOCK_MONOTONIC, &from);
		raise(SIGUSR2);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns = ns_between(&from, &to);
		if (ns < least_ns)
			least_ns = ns;
	}
	return least_ns;
}

static struct timespec choose_period(unsigned int period_us)
{
	long wanted_ns = (long)period_us * NS_PER_US;
	long least_ns = SHARE * cost_ns();

	return (struct timespec){.tv_nsec = wanted_ns > least_ns ? wanted_ns
								 : least_ns};
}

void storm_begin(struct storm *storm, unsigned int period_us,
		 void (*on_signal_call)(unsigned long number))
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
				 .sigev_signo = SIGUSR2};
	struct itimerspec times;

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	assert_int_equal(sigaction(SIGUSR2, &action, NULL), 0);
	times.it_value = times.it_interval = choose_period(period_us);
	atomic_store(&count, 0);
	atomic_store(&on_signal_fn, on_signal_call);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &storm->timer),
			 0);
	assert_int_equal(timer_settime(storm->timer, 0, &times, NULL), 0);
}

/* The handler stays: a signal may be on its way. */
void storm_end(struct storm *storm)
{
	assert_int_equal(timer_delete(storm->timer), 0);
	atomic_store(&on_signal_fn, NULL);
}

unsigned long storm_count(void)
{
	return atomic_load(&count);
}
