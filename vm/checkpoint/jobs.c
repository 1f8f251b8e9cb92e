/* SPDX-License-Identifier: MIT */
/*
 * The jobs, in a ring.
 *
 * A job has the place of its number, and one of a number that is
 * CHECKPOINT_HISTORY higher replaces it. At most one waits and one is carried
 * out, so none of these is ever replaced.
 */
#include "checkpoint/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/host.h"
#include "common/clock.h"
#include "common/commit.h"
#include "common/nbd_uri.h"

#define WHERE		 "checkpoint"
#define DISK_DEADLINE_NS ((uint64_t)(60 * CLOCK_NS_PER_S))

struct checkpoint_job *checkpoints_job(struct checkpoints *checkpoints,
				       uint64_t id)
{
	struct checkpoint_job *job =
		&checkpoints->jobs[id % CHECKPOINT_HISTORY];

	return id && job->id == id ? job : NULL;
}

int checkpoints_note_folder(struct checkpoints *checkpoints,
			    struct smudge_error *err)
{
	char *copy = strdup(saver_folder(checkpoints->saver));

	if (!copy)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	pthread_mutex_lock(&checkpoints->lock);
	free(checkpoints->folder);
	checkpoints->folder = copy;
	pthread_mutex_unlock(&checkpoints->lock);
	return 0;
}

/* Also by another path, which has what follows a layer there. */
static bool is_same_place(const char *a, const char *b)
{
	struct stat one, other;

	if (strcmp(a, b) == 0)
		return true;
	return !nbd_uri_is(a) && !nbd_uri_is(b) && stat(a, &one) == 0 &&
	       stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

void checkpoints_complete(const struct checkpoints *checkpoints,
			  struct checkpoint_request *request)
{
	const struct checkpoint_request *usual = &checkpoints->usual;

	if (!request->folder || !usual->folder ||
	    !is_same_place(request->folder, usual->folder))
		return;
	request->may_lack_flush = usual->may_lack_flush;
	if (request->on_commit || request->snapshot_qmp)
		return;
	request->on_commit = usual->on_commit;
	request->snapshot_qmp = usual->snapshot_qmp;
	request->snapshot_node = usual->snapshot_node;
	if (!request->store_deadline_ns)
		request->store_deadline_ns = usual->store_deadline_ns;
}

/* A live image is overwritten by the next one, so it must not be all there is.
 */
int checkpoints_make_commit(const struct checkpoint_request *request,
			    struct commit **ret, struct smudge_error *err)
{
	const char *folder = request->folder;
	bool is_disk = nbd_uri_is(folder);
	const struct commit_options options = {
		.place = folder,
		.command = request->on_commit,
		.snapshot_qmp = request->snapshot_qmp,
		.snapshot_node = request->snapshot_node,
		.timeout_ns = request->store_deadline_ns || !is_disk
				      ? request->store_deadline_ns
				      : DISK_DEADLINE_NS,
	};

	if (nbd_uri_is_other(folder))
		return smudge_error_set(err, -EINVAL, WHERE,
					"there is no folder or disk '%.60s': "
					"%s",
					folder, nbd_uri_known);
	if (is_disk && !request->on_commit && !request->snapshot_qmp)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"a disk holds one moment, which the next checkpoint "
			"overwrites: on-commit, or snapshot-qmp and "
			"snapshot-node, have its engine take a snapshot");
	if (is_disk && checkpoint_keep_is_any(&request->keep))
		return smudge_error_set(err, -EINVAL, WHERE,
					"keep-... prunes a folder; of a disk "
					"the engine has the history");
	return commit_create(&options, ret, err);
}

/* It may be of the disk that would be written. */
static int check_reading(const struct checkpoints *checkpoints,
			 const char *folder, struct smudge_error *err)
{
	const struct checkpoints_options *options = &checkpoints->options;

	if (!nbd_uri_is(folder) || !options->reads_disk ||
	    !options->reads_disk(options->opaque))
		return 0;
	return smudge_error_set(err, -EBUSY, WHERE,
				"memory still comes in from a disk, which a "
				"checkpoint onto it would overwrite: wait "
				"until query-x-smudge-lazy says completed");
}

void checkpoints_forget(struct checkpoint_job *job)
{
	free(job->folder);
	commit_destroy(job->commit);
	*job = (struct checkpoint_job){0};
}

/* Texts of the caller's are copied or forgotten. */
static void fill(struct checkpoint_job *job,
		 const struct checkpoint_request *request, char *folder,
		 struct commit *commit)
{
	job->folder = folder;
	job->commit = commit;
	job->request = *request;
	job->request.folder = NULL;
	job->request.on_commit = NULL;
	job->request.snapshot_qmp = NULL;
	job->request.snapshot_node = NULL;
	job->request.store_deadline_ns = commit_timeout_ns(commit);
}

static int complete(const struct checkpoints *checkpoints,
		    struct checkpoint_request *request,
		    struct smudge_error *err)
{
	if (!request->folder)
		request->folder = checkpoints->folder;
	if (!request->folder)
		return smudge_error_set(err, -EINVAL, WHERE,
					"no folder is open: name one");
	checkpoints_complete(checkpoints, request);
	return check_reading(checkpoints, request->folder, err);
}

int checkpoints_add(struct checkpoints *checkpoints,
		    const struct checkpoint_request *request, bool is_periodic,
		    struct smudge_error *err)
{
	uint64_t id = checkpoints->last_id + 1;
	struct checkpoint_job *job =
		&checkpoints->jobs[id % CHECKPOINT_HISTORY];
	struct checkpoint_request own = *request;
	struct commit *commit;
	char *copy;
	int ret = complete(checkpoints, &own, err);

	if (!ret)
		ret = checkpoints_make_commit(&own, &commit, err);
	if (ret)
		return ret;
	copy = strdup(own.folder);
	if (!copy) {
		commit_destroy(commit);
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	}
	checkpoints_forget(job);
	*job = (struct checkpoint_job){
		.id = id,
		.is_periodic = is_periodic,
		.began_ns = host_now_ns(),
	};
	fill(job, &own, copy, commit);
	checkpoints->last_id = id;
	checkpoints->waiting_id = id;
	pthread_cond_broadcast(&checkpoints->changed);
	return 0;
}
