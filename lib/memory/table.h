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

/* The index of the first region that ends at or after @gpa; n if none does. */
size_t smi_table_find(const struct smi_region_table *table, uint64_t gpa);

#endif
