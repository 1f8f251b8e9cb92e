/* SPDX-License-Identifier: MIT */
/*
 * Where everything is in the file of an image that is written. Pure.
 *
 *	cluster 0        header, written last
 *	...              data
 *	L2 tables        those that have entries
 *	L1 table         what is zero in it is left out (a hole of the file)
 *	refcount table
 *	refcount blocks  of 2048 clusters each, themselves included
 *
 * No table is shared, though those of pages that all read as zeros are equal:
 * when QEMU writes to all but one of the parts of the disk that share one, its
 * refcount is 1 again and the last L1 entry has no mark of that, which
 * qemu-img check calls an error.
 */
#ifndef LIB_QCOW2_LAYOUT_H
#define LIB_QCOW2_LAYOUT_H

#include <stdint.h>

#include "qcow2/map.h"
#include "qcow2/refcounts.h"

/* First clusters, in the order of the file, and how many there are. */
struct smi_qcow2_layout {
	uint64_t l2, nl2;
	uint64_t l1, nl1, l1_entries;
	uint64_t table; /* of refcounts */
	uint64_t blocks;
	struct smi_qcow2_refcounts_size refcounts;
	uint64_t end;
};

/* @nclusters: of the file so far, header and data */
void smi_qcow2_layout_init(struct smi_qcow2_layout *layout,
			   const struct smi_qcow2_map *map, uint64_t nclusters);

#endif
