/* SPDX-License-Identifier: MIT */
/*
 * A collect of soft-dirty bits (soft_dirty.h), and what it works on.
 */
#ifndef LIB_PROCESS_SOFT_COLLECT_H
#define LIB_PROCESS_SOFT_COLLECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "process/objects.h"
#include "process/soft_area.h"

struct smi_soft_dirty {
	struct smudge_process *process;
	struct smi_attachment *attachment;
	int clear_refs;
	pthread_mutex_t lock;
	struct smi_soft_area *areas; /* lock, as all below */
	uint64_t *words;
	bool is_begun; /* by this thread: */
	pthread_t beginner;
	int begun_code; /* what its collect returned */
	uint64_t stops, stopped_ns, longest_stop_ns;
};

/*
 * smi_soft_collect - read the bits into all areas' pending pages, clear them,
 *      while the process stands; lock held
 *
 * Stops it, unless smudge_process_stop did.
 * State after failure: all pages of all areas are pending.
 * Return: 0, or as smi_target_while_stopped.
 */
int smi_soft_collect(struct smi_soft_dirty *soft, struct smudge_error *err);

#endif
