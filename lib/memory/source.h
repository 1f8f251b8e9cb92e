/* SPDX-License-Identifier: MIT */
/*
 * Sources: what a region asks of all its sources, detaching, and the lock of
 * the region that a source is attached to.
 */
#ifndef LIB_MEMORY_SOURCE_H
#define LIB_MEMORY_SOURCE_H

#include "memory/source_ops.h"

/* region->lock held, here and below. All run, or none. */
int smi_sources_start(struct smudge_region *region, struct smudge_error *err);
void smi_sources_stop(struct smudge_region *region);
/* Harvest all that run, whatever fails. Return: 0, or the first failure. */
int smi_sources_harvest(struct smudge_region *region, enum smi_harvest how,
			struct smudge_error *err);
/*
 * The region will have @npages. Check: may each source stay attached? Grow:
 * those at the region's end cover the new pages, all or none.
 */
int smi_sources_check_size(const struct smudge_region *region, uint64_t npages,
			   struct smudge_error *err);
int smi_sources_grow(struct smudge_region *region, uint64_t npages,
		     struct smudge_error *err);
void smi_sources_shrink(struct smudge_region *region, uint64_t npages);
/* Those whose takes re-arm. Return: 0, or -EIO at the first that fails. */
int smi_sources_rearm(struct smudge_region *region,
		      const struct smudge_batch *batch,
		      struct smudge_error *err);
/* Until a plain harvest, takes re-arm nothing. */
void smi_sources_hold(struct smudge_region *region);
/* 0, or -EOPNOTSUPP and a sentence that names the first without a look. */
int smi_sources_check_look(const struct smudge_region *region,
			   struct smudge_error *err);
/* Harvest it a last time, stop and detach it. Return: the harvest's. */
int smi_source_detach_locked(struct smudge_source *source,
			     struct smudge_error *err);

/*
 * Take both locks of the region a source is attached to. The region may be
 * leaving meanwhile.
 * Return: the region; NULL, and no lock held, if the source is not attached.
 */
struct smudge_region *smi_source_lock(struct smudge_source *source);
void smi_source_unlock(struct smudge_region *region);

#endif
