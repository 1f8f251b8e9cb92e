/* SPDX-License-Identifier: MIT */
/*
 * Pruning beside checkpoints: in a thread of its own, so that none waits.
 */
#ifndef VM_CHECKPOINT_PRUNER_H
#define VM_CHECKPOINT_PRUNER_H

#include <stdbool.h>

#include <smudge/prune.h>

#include "checkpoint/keep.h"

struct pruner;

/*
 * pruner_create - starts the thread
 * @checkpointer: borrowed until destroy
 * Return: NULL without memory or a thread.
 */
struct pruner *pruner_create(struct smudge_checkpointer *checkpointer);

/*
 * pruner_begin - a layer is in place: prune
 * @uncompressed: store pages of merged layers as they are
 *
 * Of those that fail one after the other the first is reported on stderr.
 */
void pruner_begin(struct pruner *pruner, const struct checkpoint_keep *keep,
		  bool uncompressed);

/* Gives up what is not done. NULL is fine. */
void pruner_destroy(struct pruner *pruner);

#endif
