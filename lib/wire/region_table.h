/* SPDX-License-Identifier: MIT */
/*
 * REGION_TABLE: the regions of the sender's memory.
 */
#ifndef LIB_WIRE_REGION_TABLE_H
#define LIB_WIRE_REGION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "wire/format.h"

/* One region; its index in the table is its id in the stream. */
struct smi_wire_region {
	uint64_t gpa;
	uint64_t size_bytes;
	uint32_t page_shift;
	char name[SMI_WIRE_MAX_NAME + 1];
};

/* Bytes of payload that smi_wire_region_table_encode writes. */
size_t smi_wire_region_table_bytes(const struct smi_wire_region *regions,
				   size_t nregions);

void smi_wire_region_table_encode(const struct smi_wire_region *regions,
				  size_t nregions, uint8_t *payload);

/*
 * smi_wire_region_table_decode - the regions of a payload
 * @payload, @length: from the peer
 * @ret_regions: array of *@ret_nregions, freed by the caller; the regions
 *      ascend, do not overlap, are aligned and not empty
 *
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int smi_wire_region_table_decode(const uint8_t *payload, size_t length,
				 struct smi_wire_region **ret_regions,
				 size_t *ret_nregions,
				 struct smudge_error *err);

/* Wire pages of a region. */
static inline uint64_t
smi_wire_region_npages(const struct smi_wire_region *region)
{
	return region->size_bytes >> SMI_WIRE_PAGE_SHIFT;
}

#endif
