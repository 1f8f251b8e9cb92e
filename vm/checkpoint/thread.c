/* SPDX-License-Identifier: MIT */
/*
 * The thread that carries out the jobs, and adds those that are due.
 */
#include "checkpoint/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/host.h"
#include "base/say.h"
#include "machine/machine.h"

#define WHERE	 "checkpoint"
#define NS_PER_S INT64_C(1000000000)

/* The job that waits is being carried out from now on. With the lock held. */
static struct checkpoint_job *begin(struct checkpoints *checkpoints)
{
	struct checkpoint_job *job =
		checkpoints_job(checkpoints, checkpoints->waiting_id);

	checkpoints->running_id = job->id;
	checkpoints->waiting_id = 0;
	job->status = CHECKPOINT_COPYING;
	saver_expect(checkpoints->saver);
	if (job->is_cancelled)
		saver_cancel(checkpoints->saver);
	return job;
}

static void note_writing(struct checkpoints *checkpoints,
			 struct checkpoint_job *job)
{
	struct smudge_checkpointer_stats stats;

	saver_stats(checkpoints->saver, &stats);
	pthread_mutex_lock(&checkpoints->lock);
	job->pages = stats.waiting_pages;
	job->status = CHECKPOINT_WRITING;
	pthread_mutex_unlock(&checkpoints->lock);
}

static int save(struct checkpoints *checkpoints, struct checkpoint_job *job,
		struct smudge_layer_info *info, struct smudge_error *err)
{
	const struct smudge_save_options options = {
		.size = sizeof(options),
		.is_full = job->request.is_full,
		.uncompressed = job->request.uncompressed,
		.look_ahead = job->request.look_ahead,
		.pause_deadline_ns = job->request.pause_deadline_ns,
	};
	const struct saver_place place = {
		.folder = job->folder,
		.commit = job->commit,
		.deadline_ns = job->request.store_deadline_ns,
		.may_lack_flush = job->request.may_lack_flush,
	};
	uint64_t ticket;
	int ret = saver_open(checkpoints->saver, &place, NULL, err);

	if (!ret)
		ret = checkpoints_note_folder(checkpoints, err);
	if (!ret)
		ret = saver_save(checkpoints->saver, &options, job->commit,
				 &ticket, err);
	if (ret)
		return ret;
	note_writing(checkpoints, job);
	return saver_wait(checkpoints->saver, ticket, info, err);
}

static enum checkpoint_status status_of(int result)
{
	if (result == 0)
		return CHECKPOINT_COMPLETED;
	return result == -ECANCELED ? CHECKPOINT_CANCELLED : CHECKPOINT_FAILED;
}

/* With the lock held. True: a failure to report on stderr. */
static bool is_new_failure(struct checkpoints *checkpoints,
			   const struct checkpoint_job *job)
{
	bool was_failing = checkpoints->is_failing;

	if (!job->is_periodic || job->status == CHECKPOINT_CANCELLED)
		return false;
	checkpoints->is_failing = job->status == CHECKPOINT_FAILED;
	return checkpoints->is_failing && !was_failing;
}

static void finish(struct checkpoints *checkpoints, struct checkpoint_job *job,
		   int result, const struct smudge_layer_info *info,
		   const struct smudge_error *err)
{
	struct checkpoint_job ended;
	bool is_told;

	pthread_mutex_lock(&checkpoints->lock);
	job->total_ns = (uint64_t)(host_now_ns() - job->began_ns);
	job->layer = *info;
	job->error = *err;
	job->status = status_of(result);
	is_told = is_new_failure(checkpoints, job);
	checkpoints->running_id = 0;
	/* jobs that others may read are changed by this thread only */
	ended = *job;
	pthread_mutex_unlock(&checkpoints->lock);
	if (is_told)
		say("a checkpoint failed: %s", ended.error.message);
	checkpoints->options.ended(checkpoints->options.opaque, &ended);
}

/* With the lock held, which is given up meanwhile. */
static void carry_out(struct checkpoints *checkpoints)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct checkpoint_job *job = begin(checkpoints);
	struct smudge_error err = {0};
	int ret;

	pthread_mutex_unlock(&checkpoints->lock);
	ret = save(checkpoints, job, &info, &err);
	/* by whatever it failed then, such as memory that is lost */
	if (ret < 0 && saver_is_cancelled(checkpoints->saver))
		ret = saver_say_cancelled(&err);
	if (!ret)
		saver_prune(checkpoints->saver, &job->request.keep,
			    job->request.uncompressed);
	finish(checkpoints, job, ret, &info, &err);
	pthread_mutex_lock(&checkpoints->lock);
}

/* A guest that stands still, or is not here, has nothing new to save. */
static void add_due(struct checkpoints *checkpoints)
{
	int64_t now_ns = host_now_ns();
	struct machine *machine = checkpoints->options.machine;

	checkpoints->due_ns += (int64_t)checkpoints->interval_ns;
	if (checkpoints->due_ns < now_ns)
		checkpoints->due_ns = now_ns;
	/* while memory comes in, or is missing, it is left out */
	if (machine_run_state(machine) == MACHINE_RUNNING)
		(void)checkpoints_add(checkpoints, &checkpoints->usual, true,
				      NULL);
}

static void wait_for_change(struct checkpoints *checkpoints)
{
	const struct timespec due = {
		.tv_sec = checkpoints->due_ns / NS_PER_S,
		.tv_nsec = checkpoints->due_ns % NS_PER_S,
	};

	if (checkpoints->interval_ns)
		pthread_cond_timedwait(&checkpoints->changed,
				       &checkpoints->lock, &due);
	else
		pthread_cond_wait(&checkpoints->changed, &checkpoints->lock);
}

static void *run(void *opaque)
{
	struct checkpoints *checkpoints = opaque;

	pthread_mutex_lock(&checkpoints->lock);
	while (!checkpoints->is_ending || checkpoints->waiting_id) {
		if (checkpoints->waiting_id)
			carry_out(checkpoints);
		else if (checkpoints->interval_ns &&
			 host_now_ns() >= checkpoints->due_ns)
			add_due(checkpoints);
		else
			wait_for_change(checkpoints);
	}
	pthread_mutex_unlock(&checkpoints->lock);
	return NULL;
}

int checkpoints_start_thread(struct checkpoints *checkpoints,
			     struct smudge_error *err)
{
	int ret;

	if (checkpoints->is_ending)
		return smudge_error_set(err, -ESHUTDOWN, WHERE,
					"smudge-vm is ending");
	if (checkpoints->has_thread)
		return 0;
	ret = host_thread_start(&checkpoints->thread, run, checkpoints, 0);
	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"cannot start a thread: %s",
					strerror(-ret));
	checkpoints->has_thread = true;
	return 0;
}

int checkpoints_begin(struct checkpoints *checkpoints, uint64_t interval_ns,
		      struct smudge_error *err)
{
	int ret;

	pthread_mutex_lock(&checkpoints->lock);
	checkpoints->interval_ns = interval_ns;
	checkpoints->due_ns = host_now_ns() + (int64_t)interval_ns;
	ret = checkpoints_start_thread(checkpoints, err);
	pthread_cond_broadcast(&checkpoints->changed);
	pthread_mutex_unlock(&checkpoints->lock);
	return ret;
}
