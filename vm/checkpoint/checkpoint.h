/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints of the machine: layers in a folder, or the live image of a disk
 * behind an NBD server, whose engine has the history (smudge/checkpoint.h).
 *
 * Each is a job, and one thread carries them out, one after the other: those
 * that a user asked for, and with an interval those that are due. The guest is
 * paused while what it wrote is copied; the layer is written while it runs.
 *
 * Threads: any, unless said otherwise.
 */
#ifndef VM_CHECKPOINT_CHECKPOINT_H
#define VM_CHECKPOINT_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/checkpoint.h>

#include "checkpoint/request.h"

struct checkpoint_origin;
struct checkpoints;
struct commit;
struct machine;

/* So many jobs that have ended are remembered. */
#define CHECKPOINT_HISTORY 64

enum checkpoint_status {
	CHECKPOINT_WAITING, /* for the job before it */
	CHECKPOINT_COPYING, /* opens the folder, pauses the guest, copies */
	CHECKPOINT_WRITING,
	CHECKPOINT_COMPLETED, /* the layer is in place */
	CHECKPOINT_FAILED,
	CHECKPOINT_CANCELLED,
};

/* "waiting" and so on. */
const char *checkpoint_status_name(enum checkpoint_status status);
/* Has a job of this status ended? */
bool checkpoint_has_ended(enum checkpoint_status status);

struct checkpoint_job {
	uint64_t id; /* from 1 on */
	enum checkpoint_status status;
	bool is_periodic;
	bool is_cancelled; /* while it waits */
	char *folder;	   /* borrowed by those who read the job */
	struct commit
		*commit; /* what follows it; the thread's, and to cancel */
	struct checkpoint_request request;
	int64_t began_ns;
	uint64_t total_ns;		/* once it has ended */
	uint64_t pages;			/* to write, once it is writing */
	struct smudge_layer_info layer; /* completed */
	struct smudge_error error;	/* failed or cancelled */
};

struct checkpoints_options {
	struct machine *machine; /* borrowed; outlives the checkpoints */
	void *opaque;
	/* A job has ended. Called without locks, on the jobs' thread. */
	void (*ended)(void *opaque, const struct checkpoint_job *job);
	/*
	 * Does memory still come in from a disk, which a checkpoint onto one
	 * might overwrite? Called with a lock held; may be NULL: no.
	 */
	bool (*reads_disk)(void *opaque);
	/*
	 * NULL, or with a folder: of those that are due, and of others into
	 * that folder what follows them, where they do not say it. Copied, but
	 * not its texts, which are borrowed.
	 */
	const struct checkpoint_request *usual;
	int end_fd; /* readable: the process ends; -1: none */
};

int checkpoints_create(const struct checkpoints_options *options,
		       struct checkpoints **ret, struct smudge_error *err);

/*
 * checkpoints_open - open a folder, or the usual disk, before the first job
 * @origin: NULL, or what the memory was restored from
 *
 * Before the guest runs, and before checkpoints_begin and checkpoints_take.
 * Return: 0, or as saver_open with one sentence.
 */
int checkpoints_open(struct checkpoints *checkpoints, const char *folder,
		     const struct checkpoint_origin *origin,
		     struct smudge_error *err);

/*
 * checkpoints_begin - from now on a usual checkpoint each @interval_ns, while
 *      the guest runs here
 *
 * One that takes longer than the interval delays the next one. Of those that
 * fail one after the other the first is reported on stderr.
 * Return: 0, -EAGAIN, with one sentence.
 */
int checkpoints_begin(struct checkpoints *checkpoints, uint64_t interval_ns,
		      struct smudge_error *err);

/*
 * checkpoints_take - begin a checkpoint
 * @request: copied
 * @ret_id: receives the job's number
 *
 * Returns at once.
 * Return: 0, -EBUSY (another request waits, or the guest or, for a disk, its
 * memory is not here yet), -EINVAL (no folder is open, or a disk without
 * anything that follows), -ENOMEM, -EAGAIN, or as run_control_check, with one
 * sentence.
 */
int checkpoints_take(struct checkpoints *checkpoints,
		     const struct checkpoint_request *request, uint64_t *ret_id,
		     struct smudge_error *err);

/*
 * checkpoints_cancel - give up a job
 * @id: of the job; 0: all that are under way
 *
 * Returns at once. A layer that is in place stays, and its job is completed.
 * Return: 0, -ENOENT (there is no such job, or it has ended) with one sentence.
 */
int checkpoints_cancel(struct checkpoints *checkpoints, uint64_t id,
		       struct smudge_error *err);

/*
 * What is known of the jobs, read at one moment: the calls below are made
 * between lock and unlock, which block only for moments.
 */
void checkpoints_lock(struct checkpoints *checkpoints);
void checkpoints_unlock(struct checkpoints *checkpoints);
/* The job with this number, or NULL; the last one has the number last_id. */
const struct checkpoint_job *checkpoints_find(struct checkpoints *checkpoints,
					      uint64_t id);
uint64_t checkpoints_last_id(struct checkpoints *checkpoints);
/* The path of the folder that is open, or NULL. */
const char *checkpoints_folder(struct checkpoints *checkpoints);
void checkpoints_stats(struct checkpoints *checkpoints,
		       struct smudge_checkpointer_stats *ret);

/*
 * checkpoints_end - the process ends: cancel all jobs, and begin no more
 *
 * NULL is fine. Blocks: until the thread has ended, for a pause of the guest at
 * most.
 */
void checkpoints_end(struct checkpoints *checkpoints);

/* As checkpoints_end, and free. NULL is fine. No client is open afterwards. */
void checkpoints_destroy(struct checkpoints *checkpoints);

#endif
