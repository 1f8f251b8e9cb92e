/* SPDX-License-Identifier: MIT */
/*
 * A machine that the kernel tracks and that only pauses may re-arm, and what a
 * callback does in one of them.
 */
#ifndef TESTS_UNIT_CHECKPOINT_QUIESCED_RIG_H
#define TESTS_UNIT_CHECKPOINT_QUIESCED_RIG_H

#include "rig.h"

/* More than what a pause may copy by itself. */
#define QUIESCED_NPAGES 9000

/* What the hook does, and saw. */
struct quiesced_doing {
	const char *callback; /* that does it */
	unsigned int call;    /* which one of the save, from 1 on */
	int failure;	      /* that it returns */
	bool cancels;
	size_t nwritten; /* pages that it writes */
	unsigned int ncalls, nstates, pauses_at_state;
};

extern struct quiesced_doing doing;

int quiesced_hook(struct rig *rig, const char *callback);

/* With one region, and nothing created. */
struct rig_region *quiesced_open(struct rig *rig, const char *name);
/* Write every page. */
void quiesced_fill(struct rig *rig, struct rig_region *region, uint32_t value);
struct smudge_checkpointer_stats quiesced_stats(struct rig *rig);

#endif
