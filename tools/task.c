/* SPDX-License-Identifier: MIT */
/*
 * The thread, and how its end is seen at once.
 */
#include "task.h"

#include <time.h>

#include "common/clock.h"
#include "common/thread.h"

#define POLL_NS (20 * CLOCK_NS_PER_MS)

static void *run(void *opaque)
{
	struct task *task = opaque;

	task->ret = task->run(task->opaque);
	pthread_mutex_lock(&task->lock);
	task->is_over = true;
	pthread_cond_signal(&task->changed);
	pthread_mutex_unlock(&task->lock);
	return NULL;
}

static void clean_up(struct task *task)
{
	pthread_cond_destroy(&task->changed);
	pthread_mutex_destroy(&task->lock);
}

int task_begin(struct task *task, int (*call)(void *opaque), void *opaque)
{
	int ret;

	*task = (struct task){.run = call, .opaque = opaque};
	pthread_mutex_init(&task->lock, NULL);
	thread_cond_init(&task->changed);
	ret = thread_start(&task->thread, run, task);
	if (ret)
		clean_up(task);
	return ret;
}

bool task_wait_a_little(struct task *task)
{
	int64_t until_ns = clock_now_ns() + POLL_NS;
	const struct timespec until = {.tv_sec = until_ns / CLOCK_NS_PER_S,
				       .tv_nsec = until_ns % CLOCK_NS_PER_S};
	bool is_over;

	pthread_mutex_lock(&task->lock);
	if (!task->is_over)
		pthread_cond_timedwait(&task->changed, &task->lock, &until);
	is_over = task->is_over;
	pthread_mutex_unlock(&task->lock);
	return is_over;
}

int task_end(struct task *task)
{
	pthread_join(task->thread, NULL);
	clean_up(task);
	return task->ret;
}
