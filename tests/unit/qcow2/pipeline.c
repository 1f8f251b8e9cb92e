/* SPDX-License-Identifier: MIT */
/*
 * Work that ends in any order is committed in the order it was submitted, each
 * once; a pipeline that is destroyed ends though it has work left.
 */
#include "qcow2/pipeline.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "support.h"

#define NSLOTS 7

struct work {
	uint64_t value[NSLOTS];	 /* the caller's */
	uint64_t result[NSLOTS]; /* of the thread */
	uint64_t ncommitted;
	bool is_wrong;
	atomic_uint nprocessed;
	atomic_uint has_signals;
	atomic_bool gate; /* work waits for it, if wanted */
	bool waits;
};

static void process(void *context, size_t worker, size_t slot)
{
	struct work *work = context;
	sigset_t blocked;

	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (!sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGUSR1))
		atomic_fetch_add(&work->has_signals, 1);
	while (work->waits && !atomic_load(&work->gate))
		usleep(100);
	/* Some take longer than what follows them. */
	if (work->value[slot] % 5 == 0)
		usleep(200);
	work->result[slot] = work->value[slot] * 3;
	atomic_fetch_add(&work->nprocessed, 1);
}

static void commit(void *context, size_t slot)
{
	struct work *work = context;

	work->is_wrong |= work->result[slot] != work->ncommitted * 3;
	work->ncommitted++;
}

static const struct smi_qcow2_pipeline_ops ops = {process, commit};

static void submit(struct smi_qcow2_pipeline *pipeline, struct work *work,
		   uint64_t value)
{
	work->value[smi_qcow2_pipeline_claim(pipeline)] = value;
	smi_qcow2_pipeline_submit(pipeline);
}

static void in_order(void **state)
{
	for (size_t nthreads = 1; nthreads <= 5; nthreads++) {
		struct work work = {.is_wrong = false};
		struct smi_qcow2_pipeline *pipeline;

		assert_int_equal(smi_qcow2_pipeline_create(&ops, &work,
							   nthreads, NSLOTS,
							   &pipeline),
				 0);
		for (uint64_t i = 0; i < 1000; i++) {
			submit(pipeline, &work, i);
			if (i % 100 != 50)
				continue;
			smi_qcow2_pipeline_drain(pipeline);
			assert_int_equal(work.ncommitted, i + 1);
		}
		smi_qcow2_pipeline_drain(pipeline);
		assert_int_equal(work.ncommitted, 1000);
		assert_false(work.is_wrong);
		assert_int_equal(atomic_load(&work.has_signals), 0);
		smi_qcow2_pipeline_destroy(pipeline);
	}
}

static void drain_of_nothing(void **state)
{
	struct work work = {.is_wrong = false};
	struct smi_qcow2_pipeline *pipeline;

	assert_int_equal(
		smi_qcow2_pipeline_create(&ops, &work, 2, NSLOTS, &pipeline),
		0);
	smi_qcow2_pipeline_drain(pipeline);
	smi_qcow2_pipeline_destroy(pipeline);
	smi_qcow2_pipeline_destroy(NULL);
}

int __real_pthread_join(pthread_t thread, void **ret_value);
int __wrap_pthread_join(pthread_t thread, void **ret_value);

static struct work *gated; /* whose gate the next join opens */

int __wrap_pthread_join(pthread_t thread, void **ret_value)
{
	if (gated)
		atomic_store(&gated->gate, true);
	return __real_pthread_join(thread, ret_value);
}

/*
 * Two threads are in their work at most, and the other slots wait, until it is
 * being destroyed.
 */
static void destroyed_with_work_left(void **state)
{
	struct work work = {.waits = true};
	struct smi_qcow2_pipeline *pipeline;

	assert_int_equal(
		smi_qcow2_pipeline_create(&ops, &work, 2, NSLOTS, &pipeline),
		0);
	for (uint64_t i = 0; i < NSLOTS; i++)
		submit(pipeline, &work, i);
	gated = &work;
	smi_qcow2_pipeline_destroy(pipeline);
	gated = NULL;
	assert_true(atomic_load(&work.nprocessed) <= 2);
	assert_int_equal(work.ncommitted, atomic_load(&work.nprocessed));
	assert_false(work.is_wrong);
}

TEST_MAIN(in_order, drain_of_nothing, destroyed_with_work_left)
