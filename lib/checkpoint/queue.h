/* SPDX-License-Identifier: MIT */
/*
 * The saves under way, in their order, and what became of them.
 */
#ifndef LIB_CHECKPOINT_QUEUE_H
#define LIB_CHECKPOINT_QUEUE_H

#include "checkpoint/checkpointer_objects.h"

/*
 * smi_queue_begin - a save, behind those before it
 *
 * Waits until saves that failed are gone and their pages are dirty again: the
 * new one has them.
 * Return: 0, -ENOMEM.
 */
int smi_queue_begin(struct smudge_checkpointer *cp,
		    const struct smudge_save_options *options,
		    struct smi_save **ret_save, struct smudge_error *err);

/*
 * smi_queue_end - the save is filled, or failed with @error
 *
 * One that failed is gone afterwards, and its pages are dirty again.
 * Return: 0, or what it failed with.
 */
int smi_queue_end(struct smudge_checkpointer *cp, struct smi_save *save,
		  int error, uint64_t *ret_ticket, struct smudge_error *err);

/* The blobs that were added belong to @save. The lock is held. */
void smi_queue_move_blobs(struct smudge_checkpointer *cp,
			  struct smi_save *save);

/* The writing thread: @opaque is the checkpointer. */
void *smi_queue_run(void *opaque);

void smi_blobs_free(struct smi_layer_blob *blobs, size_t n);

#endif
