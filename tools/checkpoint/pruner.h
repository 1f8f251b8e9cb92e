/* SPDX-License-Identifier: MIT */
/*
 * Pruning beside a series of checkpoints: in a thread of its own, so that the
 * next checkpoint is not late.
 */
#ifndef TOOLS_CHECKPOINT_PRUNER_H
#define TOOLS_CHECKPOINT_PRUNER_H

#include <stdbool.h>

#include <smudge/prune.h>

#include "checkpoint/request.h"

struct checkpoint_pruner;

/*
 * checkpoint_pruner_create
 * @checkpointer: borrowed until destroy
 * Return: NULL without memory.
 */
struct checkpoint_pruner *
checkpoint_pruner_create(const struct checkpoint_request *request,
			 struct smudge_checkpointer *checkpointer);

/*
 * checkpoint_pruner_begin - a layer is in place: prune, unless that is being
 *      done
 *
 * What failed is said on stderr, and nothing else follows from it. A signal
 * (clock.h) ends it.
 */
void checkpoint_pruner_begin(struct checkpoint_pruner *pruner);

/* Waits until it is done. NULL is fine. */
void checkpoint_pruner_destroy(struct checkpoint_pruner *pruner);

#endif
