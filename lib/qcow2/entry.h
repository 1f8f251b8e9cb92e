/* SPDX-License-Identifier: MIT */
/*
 * L2 entries of images with clusters of 4 KiB, as numbers.
 *
 * 0 is a page that the image does not have. The entry of a compressed page has
 * the byte where its data begin, and how many sectors of 512 bytes they touch
 * beside the first: the end is known to a sector only.
 */
#ifndef LIB_QCOW2_ENTRY_H
#define LIB_QCOW2_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "qcow2/format.h"

#define SMI_QCOW2_SECTOR_SHIFT 9

/* For this cluster size: 62 - (12 - 8) bits are the offset. */
#define SMI_QCOW2_SECTORS_SHIFT	  58
#define SMI_QCOW2_COMPRESSED_OFF  ((UINT64_C(1) << SMI_QCOW2_SECTORS_SHIFT) - 1)
#define SMI_QCOW2_SECTORS_OF_MASK UINT64_C(0xf)

/* A page stored as it is, in a cluster of its own at @off. */
static inline uint64_t smi_qcow2_entry_raw(uint64_t off)
{
	return off | SMI_QCOW2_COPIED;
}

/* A page stored in @bytes (1 to 4096) bytes from @off on. */
static inline uint64_t smi_qcow2_entry_compressed(uint64_t off, uint64_t bytes)
{
	uint64_t sectors = ((off + bytes - 1) >> SMI_QCOW2_SECTOR_SHIFT) -
			   (off >> SMI_QCOW2_SECTOR_SHIFT);

	return SMI_QCOW2_COMPRESSED | sectors << SMI_QCOW2_SECTORS_SHIFT | off;
}

static inline bool smi_qcow2_entry_is_compressed(uint64_t entry)
{
	return entry & SMI_QCOW2_COMPRESSED;
}

/* Does it have data in the file? */
static inline bool smi_qcow2_entry_is_data(uint64_t entry)
{
	return entry & ~SMI_QCOW2_ZERO;
}

/* The first and last cluster of the file that an entry with data touches. */
static inline uint64_t smi_qcow2_entry_first_cluster(uint64_t entry)
{
	uint64_t off = smi_qcow2_entry_is_compressed(entry)
			       ? entry & SMI_QCOW2_COMPRESSED_OFF
			       : entry & SMI_QCOW2_OFFSET;

	return off >> SMI_QCOW2_PAGE_SHIFT;
}

static inline uint64_t smi_qcow2_entry_last_cluster(uint64_t entry)
{
	uint64_t sector;

	if (!smi_qcow2_entry_is_compressed(entry))
		return smi_qcow2_entry_first_cluster(entry);
	sector = (entry & SMI_QCOW2_COMPRESSED_OFF) >> SMI_QCOW2_SECTOR_SHIFT;
	sector += entry >> SMI_QCOW2_SECTORS_SHIFT & SMI_QCOW2_SECTORS_OF_MASK;
	return sector >> (SMI_QCOW2_PAGE_SHIFT - SMI_QCOW2_SECTOR_SHIFT);
}

#endif
