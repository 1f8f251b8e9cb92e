/* SPDX-License-Identifier: MIT */
/*
 * The threads, and what they do with a call.
 */
#include "checkpoint/calls.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "checkpoint/calls_objects.h"
#include "checkpoint/workers.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "common/thread.h"

#define WHERE "checkpoint"

#define SCRATCH_ALIGN 4096

static void clear(struct smi_calls *calls)
{
	for (unsigned int i = 0; i < calls->options.nthreads; i++)
		free(calls->threads[i].scratch);
	pthread_cond_destroy(&calls->changed);
	pthread_mutex_destroy(&calls->lock);
	free(calls);
}

/* The last one frees all of it. */
static void release(struct smi_calls *calls)
{
	void *context = calls->options.context;
	unsigned int nusers;

	pthread_mutex_lock(&calls->lock);
	nusers = --calls->nusers;
	pthread_cond_broadcast(&calls->changed);
	pthread_mutex_unlock(&calls->lock);
	if (nusers)
		return;
	free(context);
	clear(calls);
}

void smi_calls_fail(struct smi_calls *calls, int error,
		    const struct smudge_error *err)
{
	if (calls->failed)
		return;
	calls->failed = error;
	calls->err = *err;
	pthread_cond_broadcast(&calls->changed);
}

/* The next one, which runs now; NULL: the thread ends. The lock is held. */
static struct smi_call *take(struct smi_calls *calls)
{
	struct smi_call *call;

	while (!calls->first && !calls->is_ending)
		pthread_cond_wait(&calls->changed, &calls->lock);
	call = calls->first;
	if (!call)
		return NULL;
	calls->first = call->next;
	if (!calls->first)
		calls->last = NULL;
	calls->nqueued--;
	call->next = calls->running;
	calls->running = call;
	calls->nrunning++;
	return call;
}

/* The lock is held. */
static void remove_running(struct smi_calls *calls, struct smi_call *call)
{
	struct smi_call **at = &calls->running;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	calls->nrunning--;
	pthread_cond_broadcast(&calls->changed);
}

int smi_calls_continue(struct smi_call *call, struct smudge_error *err)
{
	struct smi_calls *calls = call->calls;

	SMI_SYS_GUARD(&calls->lock);
	if (call->round != calls->round || calls->failed)
		return smudge_error_set(err, -ECANCELED, WHERE, "cancelled");
	call->begin_ns = smi_sys_now_ns();
	/* Who waits for it is to know its deadline. */
	pthread_cond_broadcast(&calls->changed);
	return 0;
}

static void run(struct smi_calls *calls, struct smi_call *call,
		uint8_t *scratch)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret;

	if (call->prepare)
		call->prepare(call, scratch);
	ret = smi_calls_continue(call, &err);
	if (!ret)
		ret = call->run(call, calls->options.context, scratch, &err);
	pthread_mutex_lock(&calls->lock);
	if (ret < 0 && call->round == calls->round)
		smi_calls_fail(calls, ret, &err);
	remove_running(calls, call);
	pthread_mutex_unlock(&calls->lock);
	call->destroy(call);
}

static void *work(void *opaque)
{
	struct smi_calls_thread *thread = opaque;
	struct smi_calls *calls = thread->calls;
	struct smi_call *call;

	pthread_mutex_lock(&calls->lock);
	while ((call = take(calls))) {
		pthread_mutex_unlock(&calls->lock);
		run(calls, call, thread->scratch);
		pthread_mutex_lock(&calls->lock);
	}
	pthread_mutex_unlock(&calls->lock);
	release(calls);
	return NULL;
}

static int start(struct smi_calls *calls, struct smi_calls_thread *thread,
		 struct smudge_error *err)
{
	size_t bytes = calls->options.scratch_bytes;

	thread->calls = calls;
	thread->scratch = bytes ? aligned_alloc(SCRATCH_ALIGN, bytes) : NULL;
	if (bytes && !thread->scratch)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory to write to a disk");
	SMI_SYS_GUARD(&calls->lock);
	if (thread_start(&thread->thread, work, thread))
		return smudge_error_set(err, -EAGAIN, WHERE,
					"no thread could be created for calls "
					"of the program's");
	calls->nthreads++;
	calls->nusers++;
	return 0;
}

static void init(struct smi_calls *calls)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&calls->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&calls->changed, &attr);
	pthread_condattr_destroy(&attr);
	calls->nusers = 1;
}

int smi_calls_create(const struct smi_calls_options *options,
		     struct smi_calls **ret_calls, struct smudge_error *err)
{
	struct smi_calls *calls =
		calloc(1, sizeof(*calls) + options->nthreads *
						   sizeof(calls->threads[0]));
	int ret = 0;

	if (!calls)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for threads");
	calls->options = *options;
	init(calls);
	for (unsigned int i = 0; i < options->nthreads && !ret; i++)
		ret = start(calls, &calls->threads[i], err);
	if (ret < 0) {
		calls->options.context = NULL; /* the caller's again */
		(void)smi_calls_destroy(calls);
		return ret;
	}
	*ret_calls = calls;
	return 0;
}

/* Until all threads have ended, or the deadline. Return: have they? */
static bool wait_for_threads(struct smi_calls *calls)
{
	uint64_t deadline_ns = calls->options.deadline_ns;
	uint64_t wake_ns = smi_sys_now_ns() + deadline_ns;
	const struct timespec end = {(time_t)(wake_ns / 1000000000),
				     (long)(wake_ns % 1000000000)};
	int ret = 0;

	SMI_SYS_GUARD(&calls->lock);
	calls->is_ending = true;
	pthread_cond_broadcast(&calls->changed);
	while (calls->nusers > 1 && !ret) {
		if (deadline_ns)
			ret = pthread_cond_timedwait(&calls->changed,
						     &calls->lock, &end);
		else
			pthread_cond_wait(&calls->changed, &calls->lock);
	}
	return calls->nusers == 1;
}

int smi_calls_destroy(struct smi_calls *calls)
{
	bool have_ended;

	if (!calls)
		return 0;
	have_ended = wait_for_threads(calls);
	for (unsigned int i = 0; i < calls->nthreads; i++) {
		if (have_ended)
			pthread_join(calls->threads[i].thread, NULL);
		else
			pthread_detach(calls->threads[i].thread);
	}
	release(calls);
	return have_ended ? 0 : -ETIMEDOUT;
}
