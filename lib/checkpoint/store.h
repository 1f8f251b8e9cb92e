/* SPDX-License-Identifier: MIT */
/*
 * From a filled save to a layer in place, on the writing thread.
 */
#ifndef LIB_CHECKPOINT_STORE_H
#define LIB_CHECKPOINT_STORE_H

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/folder.h"

/* A layer that is in place. */
struct smi_stored {
	struct smi_moment moment; /* owned by the caller */
	uint64_t file_bytes;
	uint64_t ahead_pages; /* that were copied before the pause */
};

/* One attempt. */
struct smi_store {
	struct smudge_checkpointer *cp;
	struct smi_save *save;
	const struct smi_layer *parent; /* NULL: a full layer */
	bool is_streamed;		/* pieces are still added */
	struct smi_folder_file file;
	struct smi_qcow2_writer *writer;
	struct smi_digests *digests; /* of this moment */
	uint64_t start_ns;
	uint64_t pages, zero_pages, ahead_pages; /* stored */
};

/*
 * smi_store - write the layer of a save and put it in place
 *
 * A save that is streamed may not be filled yet: it waits for its pieces.
 * Return: 0, or as smudge_checkpointer_wait; then no layer is left.
 */
int smi_store(struct smudge_checkpointer *cp, struct smi_save *save,
	      struct smi_stored *ret_stored, struct smudge_error *err);

/*
 * smi_store_pages - write the copies, and note their digests
 * Return: 0, or the failure of the save, the writer or memory.
 */
int smi_store_pages(struct smi_store *store, struct smudge_error *err);

/* After a failure: the writer reads nothing any more. */
void smi_store_stop_writer(struct smi_store *store);

/* @stored becomes the checkpointer's moment. The lock is held. */
void smi_moment_replace(struct smudge_checkpointer *cp,
			const struct smi_stored *stored);
void smi_moment_clear(struct smi_moment *moment);

#endif
