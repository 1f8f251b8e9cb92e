/* SPDX-License-Identifier: MIT */
/*
 * The inside of checkpoints from outside, shared by the loop and by what makes
 * one checkpoint.
 */
#ifndef TOOLS_CHECKPOINT_OUTSIDE_H
#define TOOLS_CHECKPOINT_OUTSIDE_H

#include "checkpoint/store.h"
#include "checkpoint/subject.h"

struct checkpoint_pruner;

struct checkpoint_outside {
	const struct checkpoint_request *request;
	const struct checkpoint_subject *subject;
	struct checkpoint_store *store;
	int pidfd; /* of the subject's process; -1 */
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_checkpointer_options options; /* of it */
	struct smudge_checkpointer *checkpointer;
	struct checkpoint_pruner *pruner; /* NULL: all layers are kept */
	/* Calls into the store have not returned: it must stay. */
	bool is_left_behind;
	uint64_t nended;  /* checkpoints of this series, failed ones included */
	uint64_t nlayers; /* in place, of this run */
	uint64_t nunsettled; /* of them, what follows has failed */
	bool is_cut_off;     /* the last one is, by a cancel */
};

/*
 * checkpoint_one - make one checkpoint, and report it when it is in place
 *
 * A signal (clock.h) cancels it.
 * Return: 0, -ECANCELED, or another -errno with one sentence. Where what
 * follows a layer in place has failed, outside->nlayers has grown all the same.
 */
int checkpoint_one(struct checkpoint_outside *outside,
		   struct smudge_error *err);

#endif
