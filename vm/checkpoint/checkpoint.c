/* SPDX-License-Identifier: MIT */
/*
 * What others may ask of the jobs.
 */
#include "checkpoint/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/commit.h"
#include "machine/machine.h"
#include "machine/run_control.h"

#define WHERE "checkpoint"

const char *checkpoint_status_name(enum checkpoint_status status)
{
	static const char *const names[] = {
		[CHECKPOINT_WAITING] = "waiting",
		[CHECKPOINT_COPYING] = "copying",
		[CHECKPOINT_WRITING] = "writing",
		[CHECKPOINT_COMPLETED] = "completed",
		[CHECKPOINT_FAILED] = "failed",
		[CHECKPOINT_CANCELLED] = "cancelled",
	};

	return names[status];
}

bool checkpoint_has_ended(enum checkpoint_status status)
{
	return status >= CHECKPOINT_COMPLETED;
}

static void init_locks(struct checkpoints *checkpoints)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&checkpoints->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&checkpoints->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

int checkpoints_create(const struct checkpoints_options *options,
		       struct checkpoints **ret, struct smudge_error *err)
{
	struct checkpoints *checkpoints = calloc(1, sizeof(*checkpoints));
	int code;

	if (!checkpoints)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	code = saver_create(options->machine, options->end_fd,
			    &checkpoints->saver, err);
	if (code) {
		free(checkpoints);
		return code;
	}
	checkpoints->options = *options;
	if (options->usual)
		checkpoints->usual = *options->usual;
	init_locks(checkpoints);
	*ret = checkpoints;
	return 0;
}

void checkpoints_end(struct checkpoints *checkpoints)
{
	if (!checkpoints)
		return;
	pthread_mutex_lock(&checkpoints->lock);
	checkpoints->is_ending = true;
	pthread_cond_broadcast(&checkpoints->changed);
	pthread_mutex_unlock(&checkpoints->lock);
	(void)checkpoints_cancel(checkpoints, 0, NULL);
	if (checkpoints->has_thread)
		pthread_join(checkpoints->thread, NULL);
	checkpoints->has_thread = false;
}

void checkpoints_destroy(struct checkpoints *checkpoints)
{
	if (!checkpoints)
		return;
	checkpoints_end(checkpoints);
	saver_destroy(checkpoints->saver);
	for (size_t i = 0; i < CHECKPOINT_HISTORY; i++)
		checkpoints_forget(&checkpoints->jobs[i]);
	free(checkpoints->folder);
	pthread_cond_destroy(&checkpoints->changed);
	pthread_mutex_destroy(&checkpoints->lock);
	free(checkpoints);
}

void checkpoints_lock(struct checkpoints *checkpoints)
{
	pthread_mutex_lock(&checkpoints->lock);
}

void checkpoints_unlock(struct checkpoints *checkpoints)
{
	pthread_mutex_unlock(&checkpoints->lock);
}

const struct checkpoint_job *checkpoints_find(struct checkpoints *checkpoints,
					      uint64_t id)
{
	return checkpoints_job(checkpoints, id);
}

uint64_t checkpoints_last_id(struct checkpoints *checkpoints)
{
	return checkpoints->last_id;
}

const char *checkpoints_folder(struct checkpoints *checkpoints)
{
	return checkpoints->folder;
}

void checkpoints_stats(struct checkpoints *checkpoints,
		       struct smudge_checkpointer_stats *ret)
{
	saver_stats(checkpoints->saver, ret);
}

/* The commit is asked for the number of the last snapshot only. */
int checkpoints_open(struct checkpoints *checkpoints, const char *folder,
		     const struct checkpoint_origin *origin,
		     struct smudge_error *err)
{
	struct checkpoint_request request = {.folder = folder};
	struct saver_place place = {.folder = folder};
	int ret;

	checkpoints_complete(checkpoints, &request);
	ret = checkpoints_make_commit(&request, &place.commit, err);
	if (ret)
		return ret;
	place.deadline_ns = commit_timeout_ns(place.commit);
	place.may_lack_flush = request.may_lack_flush;
	ret = saver_open(checkpoints->saver, &place, origin, err);
	commit_destroy(place.commit);
	if (!ret)
		ret = checkpoints_note_folder(checkpoints, err);
	return ret;
}

static int check_here(struct machine *machine, struct smudge_error *err)
{
	int ret = run_control_check(machine, err);

	if (!ret && machine_run_state(machine) == MACHINE_INMIGRATE)
		ret = smudge_error_set(err, -EBUSY, WHERE,
				       "the guest has not arrived yet");
	return ret;
}

/* With the lock held. */
static int take(struct checkpoints *checkpoints,
		const struct checkpoint_request *request,
		struct smudge_error *err)
{
	int ret;

	if (checkpoints->waiting_id)
		return smudge_error_set(err, -EBUSY, WHERE,
					"another checkpoint waits already");
	ret = checkpoints_start_thread(checkpoints, err);
	return ret ? ret : checkpoints_add(checkpoints, request, false, err);
}

int checkpoints_take(struct checkpoints *checkpoints,
		     const struct checkpoint_request *request, uint64_t *ret_id,
		     struct smudge_error *err)
{
	int ret = check_here(checkpoints->options.machine, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&checkpoints->lock);
	ret = take(checkpoints, request, err);
	if (!ret)
		*ret_id = checkpoints->last_id;
	pthread_mutex_unlock(&checkpoints->lock);
	return ret;
}

/* With the lock held. The thread ends a job that waits. */
static bool cancel_one(struct checkpoints *checkpoints, uint64_t id)
{
	struct checkpoint_job *job = checkpoints_job(checkpoints, id);

	if (!job || checkpoint_has_ended(job->status))
		return false;
	commit_cancel(job->commit);
	if (job->status == CHECKPOINT_WAITING)
		job->is_cancelled = true;
	else
		saver_cancel(checkpoints->saver);
	pthread_cond_broadcast(&checkpoints->changed);
	return true;
}

int checkpoints_cancel(struct checkpoints *checkpoints, uint64_t id,
		       struct smudge_error *err)
{
	bool is_under_way;

	pthread_mutex_lock(&checkpoints->lock);
	is_under_way = id == 0 || cancel_one(checkpoints, id);
	if (id == 0) {
		cancel_one(checkpoints, checkpoints->running_id);
		cancel_one(checkpoints, checkpoints->waiting_id);
	}
	pthread_mutex_unlock(&checkpoints->lock);
	if (is_under_way)
		return 0;
	return smudge_error_set(err, -ENOENT, WHERE,
				"no checkpoint with the number %llu is under "
				"way",
				(unsigned long long)id);
}
