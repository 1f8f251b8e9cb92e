/* SPDX-License-Identifier: MIT */
/*
 * The host's clock, and threads that no signal disturbs.
 */
#ifndef VM_BASE_HOST_H
#define VM_BASE_HOST_H

#include <pthread.h>
#include <stdint.h>

/* Monotonic: what is measured must not jump with the date. */
int64_t host_now_ns(void);

/*
 * host_thread_start - start a thread; signals stay the main thread's
 * @signal: the one that reaches it all the same, or 0
 * Return: 0 or -errno.
 */
int host_thread_start(pthread_t *ret_thread, void *(*run)(void *), void *opaque,
		      int signal);

#endif
