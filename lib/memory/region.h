/* SPDX-License-Identifier: MIT */
/*
 * The end of a region, for the memory it belongs to.
 */
#ifndef LIB_MEMORY_REGION_H
#define LIB_MEMORY_REGION_H

#include "memory/objects.h"

/* Detach all its sources. memory->lock held, region->lock not. */
void smi_region_detach_all(struct smudge_region *region);
/* After a grace period, or when no marker has seen it. */
void smi_region_free(struct smudge_region *region);

#endif
