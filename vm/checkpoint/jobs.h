/* SPDX-License-Identifier: MIT */
/*
 * The inside of the jobs, shared by checkpoint.c and their thread, which
 * checkpoint.c starts.
 *
 * The thread alone opens folders and saves, once it has started.
 */
#ifndef VM_CHECKPOINT_JOBS_H
#define VM_CHECKPOINT_JOBS_H

#include "checkpoint/checkpoint.h"
#include "checkpoint/saver.h"

#include <pthread.h>

struct checkpoints {
	struct checkpoints_options options;
	struct checkpoint_request usual; /* without a folder: none */
	struct saver *saver;
	pthread_t thread;
	bool has_thread; /* of those that start it, under lock */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	bool is_ending;
	struct checkpoint_job jobs[CHECKPOINT_HISTORY];
	uint64_t last_id;
	uint64_t waiting_id;  /* 0: none */
	uint64_t running_id;  /* 0: none */
	char *folder;	      /* NULL: none is open */
	uint64_t interval_ns; /* 0: no periodic ones */
	int64_t due_ns;
	bool is_failing; /* the last periodic one did */
};

/* With the lock held. */
struct checkpoint_job *checkpoints_job(struct checkpoints *checkpoints,
				       uint64_t id);

/* Free what it has. With the lock held, and it has ended. */
void checkpoints_forget(struct checkpoint_job *job);

/* What it does not say of what follows it, if it goes to the usual folder. */
void checkpoints_complete(const struct checkpoints *checkpoints,
			  struct checkpoint_request *request);

/*
 * checkpoints_make_commit - what follows a checkpoint, with its deadline
 * @request: has a folder, and is complete
 * Return: 0, -EINVAL (not allowed there), or as commit_create.
 */
int checkpoints_make_commit(const struct checkpoint_request *request,
			    struct commit **ret, struct smudge_error *err);

/*
 * A new job that waits; none does. With the lock held. Return: 0, -EINVAL,
 * -EBUSY, -ENOMEM, with one sentence.
 */
int checkpoints_add(struct checkpoints *checkpoints,
		    const struct checkpoint_request *request, bool is_periodic,
		    struct smudge_error *err);

/* Others see that the saver's folder is open. Return: 0 or -ENOMEM. */
int checkpoints_note_folder(struct checkpoints *checkpoints,
			    struct smudge_error *err);

/*
 * thread.c: start the thread, if it has not been. With the lock held. Return:
 * 0, -ESHUTDOWN, or another -errno, with one sentence.
 */
int checkpoints_start_thread(struct checkpoints *checkpoints,
			     struct smudge_error *err);

#endif
