/* SPDX-License-Identifier: MIT */
/*
 * Segments: mappings, cut where regions begin and end.
 */
#include "core/layout.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"

#define VDSO_NAME  "[vdso]"
#define PAGE_BYTES UINT64_C(4096)

struct cut {
	const struct core_region *regions;
	size_t nregions;
	size_t next; /* the first one that ends behind what was cut so far */
	uint64_t vdso_bytes;
	struct core_layout *layout;
};

static uint32_t flags_of(const struct core_map *map)
{
	return (map->is_readable ? PF_R : 0) | (map->is_writable ? PF_W : 0) |
	       (map->is_executable ? PF_X : 0);
}

static uint64_t end_of(const struct core_region *region)
{
	return range_end(region->first_address, region->nbytes);
}

/* A part that begins in a region, or one without, up to the next region. */
static struct core_segment part_at(struct cut *cut, const struct core_map *map,
				   uint64_t first_address)
{
	struct core_segment part = {
		.first_address = first_address,
		.flags = flags_of(map),
	};
	uint64_t end_address = map->end_address;
	const struct core_region *region;

	while (cut->next < cut->nregions &&
	       end_of(&cut->regions[cut->next]) <= first_address)
		cut->next++;
	region = &cut->regions[cut->next];
	if (cut->next < cut->nregions &&
	    region->first_address <= first_address) {
		part.content = CORE_REGION;
		part.region = region->id;
		part.region_off =
			region->off + first_address - region->first_address;
		end_address = min_u64(end_address, end_of(region));
	} else if (cut->next < cut->nregions) {
		end_address = min_u64(end_address, region->first_address);
	}
	part.nbytes = end_address - first_address;
	return part;
}

static void cut_map(struct cut *cut, const struct core_map *map)
{
	uint64_t at = map->first_address;

	while (at < map->end_address) {
		struct core_segment part = part_at(cut, map, at);

		at += part.nbytes;
		if (!part.content && !strcmp(map->name, VDSO_NAME) &&
		    part.nbytes == cut->vdso_bytes)
			part.content = CORE_VDSO;
		cut->layout->segments[cut->layout->nsegments++] = part;
	}
}

int core_segments(const struct core_maps *maps,
		  const struct core_region *regions, size_t nregions,
		  uint64_t vdso_bytes, struct core_layout *layout)
{
	struct cut cut = {
		.regions = regions,
		.nregions = nregions,
		.vdso_bytes = vdso_bytes,
		.layout = layout,
	};

	/* each region adds two cuts at most */
	*layout = (struct core_layout){
		.segments = calloc(maps->n + 2 * nregions + 1,
				   sizeof(*layout->segments)),
		.align_bytes = PAGE_BYTES,
	};
	if (!layout->segments)
		return -ENOMEM;
	for (size_t i = 0; i < maps->n; i++)
		cut_map(&cut, &maps->list[i]);
	return 0;
}
