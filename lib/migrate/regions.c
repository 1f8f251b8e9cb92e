/* SPDX-License-Identifier: MIT */
/*
 * Listing and comparing regions.
 *
 * Name, address, size and page size must be equal: a machine whose memory
 * differs is another machine.
 */
#include "migrate/regions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/range.h"
#include "wire/text.h"

static void describe(const struct smudge_region *region,
		     struct smi_wire_region *ret_region)
{
	unsigned int shift = smudge_region_page_shift(region);

	ret_region->gpa = smudge_region_gpa(region);
	ret_region->size_bytes = smudge_region_npages(region) << shift;
	ret_region->page_shift = shift;
	snprintf(ret_region->name, sizeof(ret_region->name), "%s",
		 smudge_region_name(region));
}

int smi_regions_list(struct smudge_memory *memory, struct smi_regions *regions,
		     struct smudge_error *err)
{
	size_t n;

	*regions = (struct smi_regions){0};
	regions->regions =
		calloc(SMUDGE_MAX_REGIONS, sizeof(*regions->regions));
	if (!regions->regions)
		return smudge_error_set(err, -ENOMEM, "migrate",
					"no memory for a list of regions");
	n = smudge_memory_hold_regions(memory, regions->regions,
				       SMUDGE_MAX_REGIONS);
	regions->nregions = n;
	if (!n) {
		smi_regions_free(regions);
		return smudge_error_set(err, -EINVAL, "migrate",
					"the memory has no region, there is "
					"nothing to migrate");
	}
	regions->table = calloc(n, sizeof(*regions->table));
	if (!regions->table) {
		smi_regions_free(regions);
		return smudge_error_set(err, -ENOMEM, "migrate",
					"no memory for %zu regions", n);
	}
	for (size_t i = 0; i < n; i++) {
		describe(regions->regions[i], &regions->table[i]);
		regions->size_bytes += regions->table[i].size_bytes;
	}
	return 0;
}

void smi_regions_free(struct smi_regions *regions)
{
	for (size_t i = 0; i < regions->nregions; i++)
		smudge_region_release(regions->regions[i]);
	free(regions->regions);
	free(regions->table);
	*regions = (struct smi_regions){0};
}

static uint64_t total_mib(const struct smi_wire_region *table, size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += table[i].size_bytes;
	return bytes >> 20;
}

static int differ(const struct smi_wire_region *ours,
		  const struct smi_wire_region *theirs,
		  struct smudge_error *err)
{
	char our_name[24];
	char their_name[24];

	smi_wire_text(our_name, sizeof(our_name), ours->name,
		      strlen(ours->name));
	smi_wire_text(their_name, sizeof(their_name), theirs->name,
		      strlen(theirs->name));
	return smudge_error_set(
		err, -ENXIO, "migrate",
		"memory differs: the source has '%s' (%" PRIu64
		" KiB at 0x%" PRIx64 ", page shift %" PRIu32
		"), the destination '%s' (%" PRIu64 " KiB at 0x%" PRIx64
		", page shift %" PRIu32 ")",
		their_name, theirs->size_bytes >> 10, theirs->gpa,
		theirs->page_shift, our_name, ours->size_bytes >> 10, ours->gpa,
		ours->page_shift);
}

int smi_regions_compare(const struct smi_regions *ours,
			const struct smi_wire_region *theirs, size_t ntheirs,
			struct smudge_error *err)
{
	size_t n = min_u64(ours->nregions, ntheirs);

	for (size_t i = 0; i < n; i++) {
		const struct smi_wire_region *mine = &ours->table[i];

		if (strcmp(mine->name, theirs[i].name) ||
		    mine->gpa != theirs[i].gpa ||
		    mine->size_bytes != theirs[i].size_bytes ||
		    mine->page_shift != theirs[i].page_shift)
			return differ(mine, &theirs[i], err);
	}
	if (ours->nregions != ntheirs)
		return smudge_error_set(
			err, -ENXIO, "migrate",
			"memory differs: the source has %zu regions of %" PRIu64
			" MiB together, the destination %zu of %" PRIu64 " MiB",
			ntheirs, total_mib(theirs, ntheirs), ours->nregions,
			total_mib(ours->table, ours->nregions));
	return 0;
}
