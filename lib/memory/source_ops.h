/* SPDX-License-Identifier: MIT */
/*
 * Calls of one source's operations. Each call checks what the operation
 * returned, measures its time, and keeps the flags of RE-ARMING (objects.h).
 * region->lock is held in all of them.
 */
#ifndef LIB_MEMORY_SOURCE_OPS_H
#define LIB_MEMORY_SOURCE_OPS_H

#include "memory/objects.h"

/* What a harvest does to the writers of what it reports. */
enum smi_harvest {
	SMI_HARVEST,  /* re-arm, as reported or as taken */
	SMI_LOOK,     /* leave them as they are */
	SMI_QUIESCED, /* re-arm all at once; no I/O is in flight */
};

int smi_source_start(struct smudge_region *region, struct smudge_source *source,
		     struct smudge_error *err);
/* One that does not run is left alone. */
void smi_source_stop(struct smudge_source *source);
/*
 * The source is attached to the region's end, which moves: from its first page
 * on it covers @npages now. After a failure it covers what it did.
 */
int smi_source_grow(struct smudge_source *source, uint64_t npages,
		    struct smudge_error *err);
void smi_source_shrink(struct smudge_source *source, uint64_t npages);
/* Let the source report. If it fails, its whole range becomes dirty. */
int smi_source_harvest(struct smudge_source *source, enum smi_harvest how,
		       struct smudge_error *err);
/* The source has a rearm operation. Return: 0, -EIO. */
int smi_source_rearm(struct smudge_source *source,
		     const struct smudge_batch *batch,
		     struct smudge_error *err);

#endif
