/* SPDX-License-Identifier: MIT */
/*
 * Where everything is in the file of an image that is written. Pure.
 *
 *	cluster 0        header, written last
 *	...              data
 *	L2 tables        those with entries of their own
 *	shared L2 tables of pages that all read as zeros; of one table for up to
 *	                 65535 L1 entries, since refcounts have 16 bits
 *	L1 table         what is zero in it is left out (a hole of the file)
 *	refcount table
 *	refcount blocks  of 2048 clusters each, themselves included
 */
#ifndef LIB_QCOW2_LAYOUT_H
#define LIB_QCOW2_LAYOUT_H

#include <stdint.h>

#include "qcow2/map.h"
#include "qcow2/refcounts.h"

/* First clusters, in the order of the file, and how many there are. */
struct smi_qcow2_layout {
	uint64_t l2, nl2;	  /* tables of their own */
	uint64_t shared, nshared; /* tables of zeros */
	uint64_t nzeros;	  /* L1 entries that have a shared one */
	uint64_t l1, nl1, l1_entries;
	uint64_t table; /* of refcounts */
	uint64_t blocks;
	struct smi_qcow2_refcounts_size refcounts;
	uint64_t end;
};

/* @nclusters: of the file so far, header and data */
void smi_qcow2_layout_init(struct smi_qcow2_layout *layout,
			   const struct smi_qcow2_map *map, uint64_t nclusters);

/* How many L1 entries have the shared table @index. */
uint64_t smi_qcow2_layout_shares(const struct smi_qcow2_layout *layout,
				 uint64_t index);

#endif
