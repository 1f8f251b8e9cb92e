/* SPDX-License-Identifier: MIT */
/*
 * Refcounts of the clusters of an image's file, 16 bits each.
 */
#ifndef LIB_QCOW2_REFCOUNTS_H
#define LIB_QCOW2_REFCOUNTS_H

#include <stdint.h>

#include "qcow2/format.h"
#include "qcow2/map.h"

/* Clusters that a refcount block counts. */
#define SMI_QCOW2_BLOCK_CLUSTERS (SMI_QCOW2_PAGE_BYTES / sizeof(uint16_t))

/* How many clusters of blocks and of a table of them a file needs. */
struct smi_qcow2_refcounts_size {
	uint64_t nblocks;
	uint64_t table_clusters;
};

/* @nclusters: of the file, without these */
struct smi_qcow2_refcounts_size smi_qcow2_refcounts_size(uint64_t nclusters);

/* Count the clusters of the file that the entries of @map have. */
void smi_qcow2_refcounts_count(const struct smi_qcow2_map *map,
			       uint16_t *counts);

#endif
