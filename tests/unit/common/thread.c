/* SPDX-License-Identifier: MIT */
/*
 * A thread that is started takes faults only, and its creator's signals stay
 * as they were.
 */
#include "common/thread.h"

#include <errno.h>

#include "support.h"

static void *read_mask(void *opaque)
{
	pthread_sigmask(SIG_SETMASK, NULL, opaque);
	return NULL;
}

static void test_masks(void **state)
{
	sigset_t own, before, after;
	pthread_t thread;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, read_mask, &own), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	pthread_join(thread, NULL);
	for (int i = 1; i < 32; i++) {
		assert_int_equal(sigismember(&before, i),
				 sigismember(&after, i));
		if (i == SIGKILL || i == SIGSTOP)
			continue;
		assert_int_equal(sigismember(&own, i),
				 i != SIGSEGV && i != SIGBUS);
	}
}

static void test_conditions(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct timespec past = {.tv_nsec = 1}, before, after;
	pthread_cond_t cond;

	thread_cond_init(&cond);
	pthread_mutex_lock(&lock);
	assert_int_equal(pthread_cond_timedwait(&cond, &lock, &past),
			 ETIMEDOUT);
	/* by the other clock this second was over long ago */
	clock_gettime(CLOCK_MONOTONIC, &before);
	past = before;
	past.tv_nsec += 20000000;
	past.tv_sec += past.tv_nsec / 1000000000;
	past.tv_nsec %= 1000000000;
	assert_int_equal(pthread_cond_timedwait(&cond, &lock, &past),
			 ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(
		after.tv_sec > past.tv_sec ||
		(after.tv_sec == past.tv_sec && after.tv_nsec >= past.tv_nsec));
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&cond);
}

TEST_MAIN(test_masks, test_conditions)
