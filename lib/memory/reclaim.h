/* SPDX-License-Identifier: MIT */
/*
 * What left a memory: views, tables, regions. Markers may still read it, so it
 * is freed after a grace period. If every barrier is refused there is no grace
 * period; then it stays in the memory's list until a later one, or until the
 * memory is destroyed. memory->lock is held in all calls.
 */
#ifndef LIB_MEMORY_RECLAIM_H
#define LIB_MEMORY_RECLAIM_H

#include "memory/objects.h"

/* @free_it frees @retired after a grace period. Needs no memory. */
void smi_reclaim_later(struct smudge_memory *memory,
		       struct smi_retired *retired,
		       void (*free_it)(struct smudge_memory *memory,
				       struct smi_retired *retired));
/*
 * Wait for a grace period, then free all that is retired. No region's lock is
 * held.
 * Return: false if no barrier works; nothing is freed then.
 */
bool smi_reclaim_wait(struct smudge_memory *memory);
/* Free it all without waiting: no marker runs any more. */
void smi_reclaim_now(struct smudge_memory *memory);

#endif
