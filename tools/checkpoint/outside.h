/* SPDX-License-Identifier: MIT */
/*
 * The inside of checkpoints from outside, shared by the loop and by what makes
 * one checkpoint.
 */
#ifndef TOOLS_CHECKPOINT_OUTSIDE_H
#define TOOLS_CHECKPOINT_OUTSIDE_H

#include "checkpoint/subject.h"

struct checkpoint_outside {
	const struct checkpoint_request *request;
	const struct checkpoint_subject *subject;
	int pidfd; /* of the subject's process; -1 */
	struct smudge_memory *memory;
	struct smudge_process *process;
	struct smudge_checkpointer *checkpointer;
	uint64_t nended;  /* checkpoints of this series, failed ones included */
	uint64_t nlayers; /* in place, of this run */
};

/*
 * checkpoint_one - make one checkpoint, and report it when it is in place
 *
 * A signal (clock.h) cancels it.
 * Return: 0, -ECANCELED, or another -errno with one sentence.
 */
int checkpoint_one(struct checkpoint_outside *outside,
		   struct smudge_error *err);

#endif
