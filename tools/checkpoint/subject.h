/* SPDX-License-Identifier: MIT */
/*
 * What is checkpointed from outside: a process of any kind, or the QEMU that a
 * socket belongs to.
 *
 * The operations are called by one thread at a time, and not always by the
 * same one.
 */
#ifndef TOOLS_CHECKPOINT_SUBJECT_H
#define TOOLS_CHECKPOINT_SUBJECT_H

#include <stdbool.h>

#include <sys/types.h>

#include <jansson.h>

#include <smudge/checkpoint.h>
#include <smudge/process.h>

#include "checkpoint/request.h"

struct checkpoint_subject_ops {
	/*
	 * Its memory is tracked from now on, before the first pause: both are
	 * borrowed until close. Refuses what cannot be saved, such as writers
	 * that are not detected. May be NULL.
	 */
	int (*attached)(void *subject, struct smudge_memory *memory,
			struct smudge_process *process,
			struct smudge_error *err);
	/* Before each checkpoint, while it runs. May refuse. May be NULL. */
	int (*prepare)(void *subject, struct smudge_error *err);
	/*
	 * After it has returned 0 nothing writes the memory until resume, which
	 * is called once for each. A checkpoint has one or two of them.
	 */
	int (*pause)(void *subject, struct smudge_error *err);
	int (*resume)(void *subject, struct smudge_error *err);
	/* In the last pause: adds blobs with smudge_checkpoint_add_blob. */
	int (*save_state)(void *subject, struct smudge_checkpointer *cp,
			  struct smudge_error *err);
	/*
	 * A layer is in place: what the report says beside it. "stopped-ns",
	 * how long the target stood in all for it, is in the line for people
	 * too. May be NULL.
	 */
	void (*describe)(void *subject, json_t *layer);
	/* The target is let go, and runs. */
	void (*close)(void *subject);
};

struct checkpoint_subject {
	const struct checkpoint_subject_ops *ops;
	void *state;			       /* passed to them */
	pid_t pid;			       /* whose memory it is */
	struct smudge_process_options process; /* what is selected */
	enum smudge_rearm_policy rearm_policy;
	/* Its mappings stay as they are, so they are not compared in a pause.
	 */
	bool has_fixed_mappings;
};

/*
 * checkpoint_outside - save layers of a subject until it is time to end
 * @subject: opened; closed by this call, whatever happens
 *
 * Prints each layer that is in place, and shows progress. Ends after
 * request->count checkpoints, after one if none was asked for, by a signal
 * (clock.h), when the target has ended, or after a failure that will not pass.
 * The target runs then, and all layers that are in place stay.
 * Return: 0, or -errno with one sentence; a signal after the first layer of a
 * series is no failure.
 */
int checkpoint_outside(const struct checkpoint_request *request,
		       struct checkpoint_subject *subject,
		       struct smudge_error *err);

#endif
