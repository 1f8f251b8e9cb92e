/* SPDX-License-Identifier: MIT */
/*
 * A call on a thread of its own, while this thread shows progress and receives
 * signals.
 */
#ifndef TOOLS_TASK_H
#define TOOLS_TASK_H

#include <pthread.h>
#include <stdbool.h>

struct task {
	int (*run)(void *opaque);
	void *opaque;
	pthread_t thread;
	int ret; /* of run */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over; /* lock */
};

/*
 * task_begin - make a call on a thread of its own, which receives no signals
 *
 * Return: 0, to be ended by task_end; or -errno, and nothing runs.
 */
int task_begin(struct task *task, int (*call)(void *opaque), void *opaque);

/* Wait, for 20 ms at most. Return: is it over? */
bool task_wait_a_little(struct task *task);

/* Wait until it is over. Return: what it returned. */
int task_end(struct task *task);

#endif
