/* SPDX-License-Identifier: MIT */
/*
 * Waiting for calls, by the one thread that submits them.
 */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "checkpoint/calls.h"
#include "checkpoint/calls_objects.h"
#include "common/range.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/guard.h"

#define WHERE "checkpoint"

#define NS_PER_S   UINT64_C(1000000000)
#define GRACE_NS   NS_PER_S	   /* for cancel, at most */
#define CANCEL_NS  (NS_PER_S / 10) /* between two cancels */
#define MAX_QUEUED 16

/* When the running call that has the earliest deadline passes it; or never. */
static const struct smi_call *earliest(const struct smi_calls *calls,
				       uint64_t *ret_ns)
{
	const struct smi_call *first = NULL;

	*ret_ns = UINT64_MAX;
	for (const struct smi_call *at = calls->running; at; at = at->next) {
		if (!calls->options.deadline_ns || !at->begin_ns ||
		    at->begin_ns + calls->options.deadline_ns >= *ret_ns)
			continue;
		*ret_ns = at->begin_ns + calls->options.deadline_ns;
		first = at;
	}
	return first;
}

static void time_out(struct smi_calls *calls, const struct smi_call *call)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	smudge_error_set(&err, -ETIMEDOUT, WHERE,
			 "%s did not end within %" PRIu64
			 " ms, the store's deadline",
			 call->what, calls->options.deadline_ns / 1000000);
	smi_calls_fail(calls, -ETIMEDOUT, &err);
}

static void fail_cancelled(struct smi_calls *calls)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	smudge_error_set(&err, -ECANCELED, WHERE, "cancelled");
	smi_calls_fail(calls, -ECANCELED, &err);
}

/* The program's cancel, without the lock, which is held otherwise. */
static void call_cancel(struct smi_calls *calls, uint64_t now_ns)
{
	calls->cancelled_ns = now_ns;
	if (!calls->options.cancel)
		return;
	pthread_mutex_unlock(&calls->lock);
	calls->options.cancel(calls->options.context);
	pthread_mutex_lock(&calls->lock);
}

static void wait_until(struct smi_calls *calls, uint64_t wake_ns)
{
	const struct timespec end = {(time_t)(wake_ns / NS_PER_S),
				     (long)(wake_ns % NS_PER_S)};

	if (wake_ns == UINT64_MAX)
		pthread_cond_wait(&calls->changed, &calls->lock);
	else
		pthread_cond_timedwait(&calls->changed, &calls->lock, &end);
}

/* Wait for a change; look at deadlines. The lock is held, but for moments. */
static void step(struct smi_calls *calls)
{
	uint64_t now_ns = smi_sys_now_ns(), wake_ns;
	const struct smi_call *call = earliest(calls, &wake_ns);
	bool is_late = call && wake_ns <= now_ns;

	if (is_late)
		time_out(calls, call);
	if (calls->is_cancelled)
		fail_cancelled(calls);
	if (calls->failed && !calls->nrunning)
		return;
	if (calls->nrunning && (is_late || calls->is_cancelled)) {
		if (now_ns - calls->cancelled_ns >= CANCEL_NS) {
			call_cancel(calls, now_ns);
			return; /* anything may have changed meanwhile */
		}
		wake_ns = calls->cancelled_ns + CANCEL_NS;
	}
	wait_until(calls, wake_ns);
}

/* May all that runs be left behind? */
static bool is_hopeless(const struct smi_calls *calls)
{
	uint64_t now_ns = smi_sys_now_ns();
	uint64_t deadline_ns = calls->options.deadline_ns;
	uint64_t patience_ns = deadline_ns + min_u64(deadline_ns, GRACE_NS);

	for (const struct smi_call *at = calls->running; at; at = at->next)
		if (!calls->options.deadline_ns || !at->begin_ns ||
		    now_ns < at->begin_ns + patience_ns)
			return false;
	return true;
}

static void drop_queued(struct smi_calls *calls)
{
	while (calls->first) {
		struct smi_call *call = calls->first;

		calls->first = call->next;
		call->destroy(call);
	}
	calls->last = NULL;
	calls->nqueued = 0;
}

/* The round has failed. The lock is held, but for moments. */
static int settle(struct smi_calls *calls, struct smudge_error *err)
{
	drop_queued(calls);
	while (calls->nrunning && !is_hopeless(calls))
		step(calls);
	smi_sys_error_keep(err, &calls->err);
	return calls->failed;
}

void smi_calls_open(struct smi_calls *calls)
{
	SMI_SYS_GUARD(&calls->lock);
	calls->round++;
	calls->failed = 0;
	calls->is_cancelled = false;
	calls->cancelled_ns = 0;
	smudge_error_clear(&calls->err);
}

int smi_calls_begin(struct smi_calls *calls, struct smudge_error *err)
{
	uint64_t now_ns = smi_sys_now_ns();
	uint64_t deadline_ns = now_ns + calls->options.deadline_ns;

	SMI_SYS_GUARD(&calls->lock);
	/* What is left behind is past its deadline: it has this round's. */
	for (struct smi_call *at = calls->running; at; at = at->next)
		at->begin_ns = now_ns;
	while (calls->nrunning && !calls->failed && now_ns < deadline_ns) {
		step(calls);
		now_ns = smi_sys_now_ns();
	}
	if (!calls->nrunning && !calls->failed)
		return 0;
	if (!calls->failed)
		time_out(calls, calls->running);
	smi_sys_error_keep(err, &calls->err);
	return calls->failed;
}

static bool overlaps(const struct smi_call *list, const struct smi_call *call)
{
	for (; list; list = list->next)
		if (list->first_page < call->first_page + call->npages &&
		    call->first_page < list->first_page + list->npages)
			return true;
	return false;
}

/* The lock is held. */
static void append(struct smi_calls *calls, struct smi_call *call)
{
	call->calls = calls;
	call->round = calls->round;
	call->begin_ns = 0;
	call->next = NULL;
	if (calls->last)
		calls->last->next = call;
	else
		calls->first = call;
	calls->last = call;
	calls->nqueued++;
	pthread_cond_broadcast(&calls->changed);
}

int smi_calls_submit(struct smi_calls *calls, struct smi_call *call,
		     struct smudge_error *err)
{
	SMI_SYS_GUARD(&calls->lock);
	while (!calls->failed &&
	       (calls->nqueued >= MAX_QUEUED || calls->is_cancelled ||
		overlaps(calls->first, call) || overlaps(calls->running, call)))
		step(calls);
	if (!calls->failed) {
		append(calls, call);
		return 0;
	}
	call->destroy(call);
	return settle(calls, err);
}

int smi_calls_drain(struct smi_calls *calls, struct smudge_error *err)
{
	SMI_SYS_GUARD(&calls->lock);
	while (!calls->failed && (calls->nqueued || calls->nrunning))
		step(calls);
	return calls->failed ? settle(calls, err) : 0;
}

int smi_calls_run(struct smi_calls *calls, struct smi_call *call,
		  struct smudge_error *err)
{
	int ret = smi_calls_submit(calls, call, err);

	return ret ? ret : smi_calls_drain(calls, err);
}

void smi_calls_cancel(struct smi_calls *calls)
{
	SMI_SYS_GUARD(&calls->lock);
	calls->is_cancelled = true;
	pthread_cond_broadcast(&calls->changed);
}
