/* SPDX-License-Identifier: MIT */
/*
 * The loop of checkpoints from outside.
 *
 * Checkpoints of a series begin at multiples of its interval. Where one takes
 * longer than that, the next one begins at the next multiple.
 *
 * Mappings that may change are followed and harvested as soon as the target
 * stands. Only then are pages re-armed: no I/O into them is in flight.
 */
#include "checkpoint/outside.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/pruner.h"
#include "clock.h"
#include "common/clock.h"
#include "common/process.h"
#include "common/range.h"

#define NAME "checkpoint"
/* No target stands for longer, also if no deadline was given. */
#define DEFAULT_DEADLINE_MS 10000
/* A signal may come just before a wait, which it does not end then. */
#define MAX_WAIT_MS 100
/* A process that executes another program just then is opened once more. */
#define MAX_TRIES 10
/* The kernel frees its memory before it reports the end. */
#define MAX_END_MS 2000

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct checkpoint_outside *outside = opaque;
	const struct checkpoint_subject *subject = outside->subject;
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret = subject->ops->pause(subject->state, err);

	/* The checkpointer harvests too. */
	if (ret || subject->has_fixed_mappings)
		return ret;
	ret = smudge_process_harvest_quiesced(outside->process, err);
	if (ret)
		(void)subject->ops->resume(subject->state, &ignored);
	return ret;
}

static int resume(void *opaque, struct smudge_error *err)
{
	const struct checkpoint_outside *outside = opaque;

	return outside->subject->ops->resume(outside->subject->state, err);
}

static int save_state(void *opaque, struct smudge_checkpointer *cp,
		      struct smudge_error *err)
{
	const struct checkpoint_outside *outside = opaque;

	return outside->subject->ops->save_state(outside->subject->state, cp,
						 err);
}

static bool has_ended(const struct checkpoint_outside *outside)
{
	struct pollfd wait = {.fd = outside->pidfd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

static int check_memory(const struct checkpoint_outside *outside,
			struct smudge_error *err)
{
	pid_t pid = outside->subject->pid;
	const char *why;

	if (has_ended(outside))
		return smudge_error_set(err, -ESRCH, NAME,
					"process %d has ended", (int)pid);
	why = process_memory_missing(pid);
	return why ? smudge_error_set(err, -ESRCH, NAME, "%d %s", (int)pid, why)
		   : 0;
}

static int open_pidfd(struct checkpoint_outside *outside,
		      struct smudge_error *err)
{
	pid_t pid = outside->subject->pid;

	outside->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (outside->pidfd >= 0)
		return check_memory(outside, err);
	if (errno == EINVAL || errno == ENOENT)
		return smudge_error_set(err, -ESRCH, NAME,
					"%d is a thread of another process",
					(int)pid);
	return smudge_error_set(err, -errno, NAME,
				errno == ESRCH ? "there is no process %d"
					       : "process %d cannot be opened",
				(int)pid);
}

static int open_process(struct checkpoint_outside *outside,
			struct smudge_error *err)
{
	const struct checkpoint_subject *subject = outside->subject;
	int ret = smudge_memory_create(&outside->memory);

	if (ret)
		return smudge_error_set(err, ret, NAME, "out of memory");
	ret = smudge_process_open(outside->memory, subject->pid,
				  &subject->process, &outside->process, err);
	if (!ret && subject->ops->attached)
		ret = subject->ops->attached(subject->state, outside->memory,
					     outside->process, err);
	return ret;
}

static int committed(void *opaque, const struct smudge_layer_info *info,
		     struct smudge_error *err)
{
	const struct checkpoint_outside *outside = opaque;

	return checkpoint_store_commit(outside->store, info, err);
}

static int open_checkpointer(struct checkpoint_outside *outside,
			     struct smudge_error *err)
{
	const struct checkpoint_request *request = outside->request;
	uint64_t deadline_ms = request->pause_deadline_ms
				       ? request->pause_deadline_ms
				       : DEFAULT_DEADLINE_MS;

	outside->options = (struct smudge_checkpointer_options){
		.size = sizeof(outside->options),
		.quiesce = quiesce,
		.resume = resume,
		.save_state = save_state,
		.opaque = outside,
		.pause_deadline_ns = deadline_ms * CLOCK_NS_PER_MS,
		.full_every =
			request->is_full ? 1 : (uint32_t)request->full_every,
		/* where little is dirty it has one pause all the same */
		.look_ahead = true,
		.uncompressed = request->is_uncompressed,
		.rearm_policy = outside->subject->rearm_policy,
		.quiesce_harvests = !outside->subject->has_fixed_mappings,
		.committed = committed,
	};
	checkpoint_store_set(outside->store, &outside->options);
	return smudge_checkpointer_create(outside->memory, &outside->options,
					  &outside->checkpointer, err);
}

static void close_tracking(struct checkpoint_outside *outside)
{
	outside->is_left_behind |= smudge_checkpointer_destroy(
					   outside->checkpointer) == -ETIMEDOUT;
	(void)smudge_process_close(outside->process, NULL);
	(void)smudge_memory_destroy(outside->memory, NULL);
	outside->checkpointer = NULL;
	outside->process = NULL;
	outside->memory = NULL;
}

/* The kernel says so of an address space that is going: see may_pass. */
static bool was_executing(const struct checkpoint_outside *outside, int ret)
{
	return (ret == -ESRCH || ret == -ENOMEM) && !has_ended(outside);
}

static int open_tracking(struct checkpoint_outside *outside,
			 struct smudge_error *err)
{
	int ret = 0;

	for (int tries = 0; tries < MAX_TRIES; tries++) {
		*err = (struct smudge_error)SMUDGE_ERROR_INIT;
		ret = open_process(outside, err);
		if (!ret)
			ret = open_checkpointer(outside, err);
		if (!ret || !was_executing(outside, ret))
			return ret;
		close_tracking(outside);
	}
	return ret;
}

static int open_pruner(struct checkpoint_outside *outside,
		       struct smudge_error *err)
{
	if (!keep_is_any(&outside->request->keep))
		return 0;
	outside->pruner = checkpoint_pruner_create(outside->request,
						   outside->checkpointer);
	return outside->pruner
		       ? 0
		       : smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static int open_all(struct checkpoint_outside *outside,
		    struct smudge_error *err)
{
	int ret = open_pidfd(outside, err);

	if (!ret)
		ret = open_tracking(outside, err);
	return ret ? ret : open_pruner(outside, err);
}

/* The target runs, so nothing here can hold it. */
static void close_all(struct checkpoint_outside *outside)
{
	const struct checkpoint_subject *subject = outside->subject;

	checkpoint_pruner_destroy(outside->pruner);
	close_tracking(outside);
	if (outside->pidfd >= 0)
		close(outside->pidfd);
	subject->ops->close(subject->state);
}

static int say_ended(const struct checkpoint_outside *outside,
		     struct smudge_error *err)
{
	*err = (struct smudge_error)SMUDGE_ERROR_INIT;
	return smudge_error_set(
		err, -ESRCH, NAME,
		"process %d has ended; %ju layer%s of it %s in "
		"%.200s",
		(int)outside->subject->pid, (uintmax_t)outside->nlayers,
		outside->nlayers == 1 ? "" : "s",
		outside->nlayers == 1 ? "is" : "are", outside->request->folder);
}

/* Until the time, a signal, or the target's end. */
static void wait_until(const struct checkpoint_outside *outside, int64_t at_ns)
{
	int64_t rest_ns;

	while (!interrupted() && (rest_ns = at_ns - clock_now_ns()) > 0) {
		struct pollfd wait = {.fd = outside->pidfd, .events = POLLIN};
		int64_t rest_ms = rest_ns / CLOCK_NS_PER_MS + 1;

		if (poll(&wait, 1,
			 rest_ms < MAX_WAIT_MS ? (int)rest_ms : MAX_WAIT_MS) ==
		    1)
			return;
	}
}

/*
 * Will it perhaps be gone at the next checkpoint? The pages are dirty again. A
 * process that executes another program at that moment fails in many ways.
 */
static bool may_pass(int ret)
{
	switch (ret) {
	case -EPERM:
	case -EACCES:
	case -EROFS:
	case -ENOTDIR:
	case -EINVAL:
	case -EOPNOTSUPP:
		return false;
	default:
		return true;
	}
}

/* Ended, or about to, or its memory is gone: what failed has failed by that. */
static int explain_end(const struct checkpoint_outside *outside,
		       struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	int ret;

	if (process_wait_ending(outside->subject->pid, outside->pidfd,
				MAX_END_MS, interrupted))
		return say_ended(outside, err);
	ret = check_memory(outside, &why);
	if (ret)
		*err = why;
	return ret;
}

/* Of a series, what may pass is said, and the next checkpoint follows, unless
 * it was the last one. */
static int judge(const struct checkpoint_outside *outside, int ret,
		 struct smudge_error *err)
{
	bool is_last = outside->nended + 1 == outside->request->count;
	int end;

	if (!ret || ret == -ECANCELED)
		return ret;
	end = explain_end(outside, err);
	if (end)
		return end;
	if (!outside->request->every_ns || !may_pass(ret))
		return ret;
	fprintf(stderr, "smudge: %s%s\n", err->message,
		is_last ? "" : "; the next checkpoint follows");
	return 0;
}

static int say_interrupted(const struct checkpoint_outside *outside,
			   struct smudge_error *err)
{
	if (outside->is_cut_off)
		return err->code;
	*err = (struct smudge_error)SMUDGE_ERROR_INIT;
	if (outside->request->every_ns && outside->nlayers)
		return 0;
	return smudge_error_set(err, -ECANCELED, NAME,
				"the checkpoint was cancelled");
}

static int end_series(const struct checkpoint_outside *outside,
		      struct smudge_error *err)
{
	uint64_t nfailed = outside->nended - outside->nlayers;

	*err = (struct smudge_error)SMUDGE_ERROR_INIT;
	if (!nfailed && outside->nunsettled)
		return smudge_error_set(
			err, -EIO, NAME,
			"all layers are in place, but --on-commit failed for "
			"%ju of %ju",
			(uintmax_t)outside->nunsettled,
			(uintmax_t)outside->nended);
	if (!nfailed)
		return 0;
	return smudge_error_set(err, -EIO, NAME,
				"%ju of %ju checkpoints failed",
				(uintmax_t)nfailed, (uintmax_t)outside->nended);
}

/* The first multiple of the interval that is not over. */
static int64_t next_due_ns(int64_t due_ns, int64_t every_ns)
{
	int64_t late_ns = clock_now_ns() - due_ns;

	return due_ns + (late_ns > 0 ? late_ns / every_ns + 1 : 1) * every_ns;
}

static int loop(struct checkpoint_outside *outside, struct smudge_error *err)
{
	int64_t every_ns = (int64_t)outside->request->every_ns;
	int64_t due_ns = clock_now_ns();

	for (;;) {
		int ret = judge(outside, checkpoint_one(outside, err), err);

		if (interrupted())
			return say_interrupted(outside, err);
		if (ret || !every_ns)
			return ret;
		if (++outside->nended == outside->request->count)
			return end_series(outside, err);
		due_ns = next_due_ns(due_ns, every_ns);
		wait_until(outside, due_ns);
		if (interrupted())
			return say_interrupted(outside, err);
		if (has_ended(outside))
			return say_ended(outside, err);
	}
}

int checkpoint_outside(const struct checkpoint_request *request,
		       struct checkpoint_subject *subject,
		       struct smudge_error *err)
{
	struct checkpoint_outside outside = {
		.request = request,
		.subject = subject,
		.pidfd = -1,
	};
	int ret = checkpoint_store_open(request, &outside.store, err);

	if (!ret)
		ret = open_all(&outside, err);
	if (!ret)
		ret = loop(&outside, err);
	close_all(&outside);
	if (!outside.is_left_behind)
		checkpoint_store_close(outside.store);
	return ret;
}
