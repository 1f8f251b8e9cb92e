/* SPDX-License-Identifier: MIT */
/*
 * The blobs of a process that stands. Time counts: buffers are kept from one
 * checkpoint to the next.
 */
#ifndef TOOLS_CHECKPOINT_PROCESS_STATE_H
#define TOOLS_CHECKPOINT_PROCESS_STATE_H

#include <smudge/checkpoint.h>
#include <smudge/process.h>

#include "checkpoint/proc.h"
#include "core/notes.h"

/* Begins as zeros. */
struct process_state {
	struct proc_bytes maps, auxv, comm, arguments;
	struct core_notes notes;
};

/*
 * process_state_save - add the blobs
 * @process: stands
 *
 * Return: 0, or -errno with one sentence.
 */
int process_state_save(struct process_state *state, pid_t pid,
		       struct smudge_process *process,
		       struct smudge_checkpointer *cp,
		       struct smudge_error *err);

void process_state_free(struct process_state *state);

#endif
