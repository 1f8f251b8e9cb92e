/* SPDX-License-Identifier: MIT */
/*
 * What a region's other calls have to know of a pager that brings its pages.
 */
#ifndef LIB_MEMORY_PAGER_REGION_H
#define LIB_MEMORY_PAGER_REGION_H

#include "memory/objects.h"
#include "sys/pagemap.h"

/* Does a pager bring pages of the region, or may one? Blocks: no. */
static inline bool smi_pager_has(const struct smudge_region *region)
{
	/* Relaxed: what acts on it looks again under the lock. */
	return atomic_load_explicit(&region->pager_area, memory_order_relaxed);
}

/* Pages are about to be discarded. Blocks: on populated.lock. */
void smi_pager_dropped(struct smudge_region *region, uint64_t first_page,
		       uint64_t npages);

/*
 * smi_pager_next_populated - the first run of pages that hold something, in the
 *	memory or where the pager has its pages from
 * @start, @end: addresses in the region
 *
 * populated.lock held, and region->memory->populated.now is open. Return: is
 * there one?
 */
bool smi_pager_next_populated(struct smudge_region *region, uint64_t start,
			      uint64_t end, struct smi_sys_page_run *ret_run);

#endif
