/* SPDX-License-Identifier: MIT */
/*
 * The inside of a saver, shared by its life and by the checkpointer's
 * callbacks, whose opaque it is.
 */
#ifndef VM_CHECKPOINT_SAVER_STATE_H
#define VM_CHECKPOINT_SAVER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "checkpoint/saver.h"

struct commit;
struct nbd_disk;
struct pruner;

struct saver {
	struct machine *machine;
	atomic_bool is_cancelled; /* release by saver_cancel, acquire by all */
	int end_fd;		  /* readable: is_cancelled */
	int waits_fd;		  /* readable: that, or the process ends */
	/* these are the thread's that opens */
	char *folder;	      /* or a URI; NULL: none */
	struct stat identity; /* of the folder */
	bool must_be_full; /* nothing was committed since the disk was lost */
	struct pruner *pruner; /* of the checkpointer; NULL: not needed yet */

	pthread_mutex_t lock;
	/* changed under lock */
	struct smudge_checkpointer *checkpointer;
	struct nbd_disk *disk; /* NULL: a folder */
	struct commit *commit; /* borrowed from the job; or NULL */
	uint64_t last_number;  /* that a command or an engine was told */
};

/* As in struct smudge_checkpointer_options. */
int saver_quiesce(void *opaque, struct smudge_error *err);
int saver_resume(void *opaque, struct smudge_error *err);
int saver_save_state(void *opaque, struct smudge_checkpointer *checkpointer,
		     struct smudge_error *err);
int saver_committed(void *opaque, const struct smudge_layer_info *info,
		    struct smudge_error *err);

#endif
