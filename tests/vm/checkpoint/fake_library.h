/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer that saves nothing, and can be stopped at each of its steps.
 */
#ifndef TESTS_VM_CHECKPOINT_FAKE_LIBRARY_H
#define TESTS_VM_CHECKPOINT_FAKE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_step {
	FAKE_CREATE,
	FAKE_ENTRY,  /* of the save, before the pause */
	FAKE_PAUSED, /* while the machine is paused */
	FAKE_COPIED, /* after it */
	FAKE_WAIT,
	FAKE_NSTEPS,
	FAKE_PRUNE = FAKE_NSTEPS, /* no job's: on a thread of its own */
	FAKE_NALL,
};

/* Nothing open, nothing stopped, nothing fails. */
void fake_reset(void);

/* From now on the thread that comes to this step stays in it. */
void fake_stop_at(enum fake_step step);
void fake_await(enum fake_step step);
void fake_go_on(void);

/* The next time this step fails so. */
void fake_fail(enum fake_step step, int code);

struct fake_counts {
	unsigned int creates, destroys, saves, open, most_open;
	unsigned int prunes;
	uint64_t keep_last; /* of the last one */
	size_t blob_bytes;
	bool was_full; /* the last save was asked to be */
};
struct fake_counts fake_counts(void);

#endif
