/* SPDX-License-Identifier: MIT */
/*
 * What may be a region, and the end of one.
 */
#ifndef LIB_MEMORY_REGION_H
#define LIB_MEMORY_REGION_H

#include "memory/objects.h"

/* Detach all its sources. memory->lock held, region->lock not. */
void smi_region_detach_all(struct smudge_region *region);
/* After a grace period, or when no marker has seen it. */
void smi_region_free(struct smudge_region *region);

/*
 * What keeps @o from being a region, in a sentence: 0 or -EINVAL. page_shift is
 * filled in.
 */
int smi_region_check_options(const struct smudge_region_options *o,
			     struct smudge_error *err);
/* And from being one of @table: 0, -EEXIST, -ENOSPC. memory->lock held. */
int smi_region_check_room(const struct smi_region_table *table,
			  const struct smudge_region_options *o,
			  struct smudge_error *err);

#endif
