/* SPDX-License-Identifier: MIT */
/*
 * Threads that take no signal from the program's own.
 */
#ifndef COMMON_THREAD_H
#define COMMON_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <time.h>

/*
 * thread_start - a thread in which all signals are blocked, but for faults
 *
 * Faults are the thread's own: blocked, they would end the program, though it
 * may have a handler for them.
 * Return: 0 or -errno.
 */
static inline int thread_start(pthread_t *ret_thread, void *(*run)(void *),
			       void *opaque)
{
	sigset_t blocked, before;
	int ret;

	sigfillset(&blocked);
	sigdelset(&blocked, SIGSEGV);
	sigdelset(&blocked, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	ret = pthread_create(ret_thread, NULL, run, opaque);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

/* A condition whose timed waits end by CLOCK_MONOTONIC. */
static inline void thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

#endif
