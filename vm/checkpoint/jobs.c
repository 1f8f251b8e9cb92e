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

#include "base/host.h"

#define WHERE "checkpoint"

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

int checkpoints_add(struct checkpoints *checkpoints,
		    const struct checkpoint_request *request, bool is_periodic,
		    struct smudge_error *err)
{
	uint64_t id = checkpoints->last_id + 1;
	struct checkpoint_job *job =
		&checkpoints->jobs[id % CHECKPOINT_HISTORY];
	const char *folder =
		request->folder ? request->folder : checkpoints->folder;
	char *copy = folder ? strdup(folder) : NULL;

	if (!folder)
		return smudge_error_set(err, -EINVAL, WHERE,
					"no folder is open: name one");
	if (!copy)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	free(job->folder);
	*job = (struct checkpoint_job){
		.id = id,
		.folder = copy,
		.request = *request,
		.is_periodic = is_periodic,
		.began_ns = host_now_ns(),
	};
	job->request.folder = NULL;
	checkpoints->last_id = id;
	checkpoints->waiting_id = id;
	pthread_cond_broadcast(&checkpoints->changed);
	return 0;
}
