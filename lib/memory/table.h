/* SPDX-License-Identifier: MIT */
/*
 * The table of a memory's regions. It is sorted by gpa and replaced as a whole,
 * so that markers search it without a lock while regions come and go.
 */
#ifndef LIB_MEMORY_TABLE_H
#define LIB_MEMORY_TABLE_H

#include "memory/objects.h"

/* A copy with @region in it, or without it; NULL: no memory. */
struct smi_region_table *smi_table_with(const struct smi_region_table *old,
					struct smudge_region *region);
struct smi_region_table *smi_table_without(const struct smi_region_table *old,
					   const struct smudge_region *region);

/* memory->lock held. Replace the memory's table, and retire the old one. */
void smi_table_publish(struct smudge_memory *memory,
		       struct smi_region_table *table);

/*
 * The index of the first region that ends at or after @gpa; n if none does.
 * Inline, because every mark of an address calls it.
 */
static inline size_t smi_table_find(const struct smi_region_table *table,
				    uint64_t gpa)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (smi_region_last_gpa(table->regions[middle]) < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
