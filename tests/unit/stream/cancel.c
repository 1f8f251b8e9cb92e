/* SPDX-License-Identifier: MIT */
/*
 * Cancel and commit, each called by any thread: exactly one of them succeeds.
 */
#include "support.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "stream/cancel.h"

#define NRACES 2000

static bool is_readable(const struct smi_cancel *cancel)
{
	struct pollfd fd = {.fd = smi_cancel_fd(cancel), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

static void request_first(void **state)
{
	struct smi_cancel cancel;

	assert_int_equal(smi_cancel_open(&cancel), 0);
	assert_false(is_readable(&cancel));
	assert_false(smi_cancel_is_requested(&cancel));
	errno = 1234;
	assert_int_equal(smi_cancel_request(&cancel), 0);
	assert_int_equal(smi_cancel_request(&cancel), 0);
	assert_int_equal(errno, 1234);
	assert_true(is_readable(&cancel));
	assert_true(smi_cancel_is_requested(&cancel));
	assert_false(smi_cancel_commit(&cancel));
	smi_cancel_close(&cancel);
}

static void commit_first(void **state)
{
	struct smi_cancel cancel;

	assert_int_equal(smi_cancel_open(&cancel), 0);
	assert_true(smi_cancel_commit(&cancel));
	assert_true(smi_cancel_commit(&cancel));
	assert_int_equal(smi_cancel_request(&cancel), -EALREADY);
	assert_false(is_readable(&cancel));
	assert_false(smi_cancel_is_requested(&cancel));
	smi_cancel_close(&cancel);
}

struct race {
	struct smi_cancel cancel;
	pthread_barrier_t start;
	int requested;
};

static void *request(void *opaque)
{
	struct race *race = opaque;

	for (int i = 0; i < NRACES; i++) {
		pthread_barrier_wait(&race->start);
		race->requested = smi_cancel_request(&race->cancel);
		pthread_barrier_wait(&race->start);
	}
	return NULL;
}

static void both_at_once(void **state)
{
	struct race race;
	pthread_t thread;

	pthread_barrier_init(&race.start, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, request, &race), 0);
	for (int i = 0; i < NRACES; i++) {
		bool committed;

		assert_int_equal(smi_cancel_open(&race.cancel), 0);
		pthread_barrier_wait(&race.start);
		committed = smi_cancel_commit(&race.cancel);
		pthread_barrier_wait(&race.start);
		assert_int_equal(race.requested, committed ? -EALREADY : 0);
		assert_int_equal(is_readable(&race.cancel), !committed);
		smi_cancel_close(&race.cancel);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&race.start);
}

TEST_MAIN(request_first, commit_first, both_at_once)
