/* SPDX-License-Identifier: MIT */
/*
 * How much memory the bitmaps use now, in bytes. memory->lock is held.
 */
#ifndef LIB_MEMORY_STATS_H
#define LIB_MEMORY_STATS_H

#include "memory/objects.h"

/* Of all clients; remembers the largest answer. */
uint64_t smi_stats_measure(struct smudge_memory *memory);

#endif
