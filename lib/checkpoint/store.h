/* SPDX-License-Identifier: MIT */
/*
 * From a filled save to a layer in place, on the writing thread.
 */
#ifndef LIB_CHECKPOINT_STORE_H
#define LIB_CHECKPOINT_STORE_H

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/target.h"

/* A layer that is in place. */
struct smi_stored {
	struct smi_moment moment; /* owned by the caller */
	uint64_t file_bytes;
	uint64_t ahead_pages; /* that were copied before the pause */
	struct smudge_layer_info info;
	struct smudge_error refused; /* by committed, though it is saved */
};

/* Is there a moment, which the store has? */
static inline bool smi_stored_is_whole(const struct smi_stored *stored)
{
	return stored->moment.digests;
}

/* One attempt. */
struct smi_store {
	struct smudge_checkpointer *cp;
	struct smi_save *save;
	const struct smi_layer *parent; /* NULL: a full layer */
	bool is_streamed;		/* pieces are still added */
	struct smi_target *target;
	struct smi_digests *digests; /* of this moment */
	uint64_t start_ns;
	uint64_t pages, zero_pages, ahead_pages; /* stored */
};

/*
 * smi_store - write the layer of a save and put it in place
 *
 * A save that is streamed may not be filled yet: it waits for its pieces.
 * @ret_stored: zeros at first; written, with a failure too, when the store has
 *      the moment: only the program has refused it then
 * Return: 0, or as smudge_checkpointer_wait; then no layer is left in a folder.
 */
int smi_store(struct smudge_checkpointer *cp, struct smi_save *save,
	      struct smi_stored *ret_stored, struct smudge_error *err);

/*
 * smi_store_pages - write the copies, and note their digests
 * Return: 0, or the failure of the save, the target or memory.
 */
int smi_store_pages(struct smi_store *store, struct smudge_error *err);

/* @stored becomes the checkpointer's moment. The lock is held. */
void smi_moment_replace(struct smudge_checkpointer *cp,
			const struct smi_stored *stored);
void smi_moment_clear(struct smi_moment *moment);

#endif
