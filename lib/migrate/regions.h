/* SPDX-License-Identifier: MIT */
/*
 * The regions of a migration: those of the memory, in the order of the stream.
 */
#ifndef LIB_MIGRATE_REGIONS_H
#define LIB_MIGRATE_REGIONS_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/memory.h>

#include "wire/region_table.h"

struct smi_regions {
	struct smudge_region **regions; /* ascending gpa; index = stream id */
	struct smi_wire_region *table;	/* the same, as the stream has them */
	size_t nregions;
	uint64_t size_bytes; /* of all */
};

/*
 * smi_regions_list - list and hold the regions of a memory
 *
 * Return: 0, -EINVAL (it has none), -ENOMEM. Undone by smi_regions_free.
 */
int smi_regions_list(struct smudge_memory *memory, struct smi_regions *regions,
		     struct smudge_error *err);
void smi_regions_free(struct smi_regions *regions);

/*
 * smi_regions_compare - has the peer the same regions?
 *
 * Return: 0, or -ENXIO with a sentence that names both sides.
 */
int smi_regions_compare(const struct smi_regions *ours,
			const struct smi_wire_region *theirs, size_t ntheirs,
			struct smudge_error *err);

/* The address of wire page @page of a region. */
static inline void *smi_region_at(const struct smudge_region *region,
				  uint64_t page)
{
	return (char *)smudge_region_hva(region) +
	       (page << SMI_WIRE_PAGE_SHIFT);
}

/* A page of the region is 1 << so many wire pages. */
static inline unsigned int
smi_region_wire_shift(const struct smudge_region *region)
{
	return smudge_region_page_shift(region) - SMI_WIRE_PAGE_SHIFT;
}

#endif
