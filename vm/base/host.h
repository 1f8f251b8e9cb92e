/* SPDX-License-Identifier: MIT */
/*
 * What smudge-vm uses of the host: its clock, sleep, and threads that no signal
 * disturbs.
 */
#ifndef VM_BASE_HOST_H
#define VM_BASE_HOST_H

#include <pthread.h>
#include <stdint.h>

/* Monotonic: setting the host's date does not change it. */
int64_t host_now_ns(void);

/* Shorter when a signal's handler ran. */
void host_sleep_ns(uint64_t ns);

/*
 * host_thread_start - start a thread with all signals blocked but SIGSEGV
 * @signal: another one that is not blocked, or 0
 *
 * The kernel ends a process that blocks the signal of its own fault.
 *
 * Return: 0 or -errno.
 */
int host_thread_start(pthread_t *ret_thread, void *(*run)(void *), void *opaque,
		      int signal);

#endif
