/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer whose memory is what a chain's open layer says.
 */
#ifndef LIB_CHECKPOINT_CONTINUE_H
#define LIB_CHECKPOINT_CONTINUE_H

#include "checkpoint/checkpointer_objects.h"

/*
 * smi_continue_chain - the layer becomes the moment that is in place, and no
 *      page is dirty
 * @cp: its client is open, its thread does not run
 *
 * Return: 0, -ESTALE (it is not the folder's newest layer, or of other
 * regions), -ENOMEM, as smudge_chain_read, or as the harvest.
 */
int smi_continue_chain(struct smudge_checkpointer *cp,
		       struct smudge_chain *chain, struct smudge_error *err);

/*
 * smi_continue_digests - read the moment's digests, if that was not done yet;
 *	on the writing thread
 *
 * It waits for a pruning of the checkpointer's own that is under way.
 * State after failure: there is no moment to stand on, so the next save is
 * full.
 * Return: 0, -ESTALE (the layer is another one now), or as smudge_chain_read.
 */
int smi_continue_digests(struct smudge_checkpointer *cp,
			 struct smudge_error *err);

#endif
