/* SPDX-License-Identifier: MIT */
/*
 * What a layer says about its moment, in memory: regions and where their pages
 * are on the virtual disk, blobs, statistics, digests. docs/layers.md has the
 * format; tail.h encodes and decodes it.
 *
 * All pages here are 4 KiB, of a region (from its first byte) or of the disk.
 */
#ifndef LIB_CHECKPOINT_LAYER_H
#define LIB_CHECKPOINT_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qcow2/digest.h"

#define SMI_LAYER_MAX_REGIONS	 65536
#define SMI_LAYER_MAX_EXTENTS	 (1U << 20) /* of all regions */
#define SMI_LAYER_MAX_BLOBS	 4096
#define SMI_LAYER_MAX_TAIL_BYTES (1U << 30) /* blobs included */
#define SMI_LAYER_NAME_BYTES	 64	    /* with the terminating 0 */

#define SMI_LAYER_TABLE_DIGESTS 256 /* in one page of a table */

/*
 * Pages [first_page, first_page + npages) of a region are the disk's from
 * disk_page on; their digests, 16 bytes each in the same order, are the disk's
 * from table_page on, in ceil(npages / 256) pages.
 */
struct smi_layer_extent {
	uint64_t first_page;
	uint64_t npages;
	uint64_t disk_page;
	uint64_t table_page;
};

/* Pages of the table that has the digests of @npages pages. */
static inline uint64_t smi_layer_table_npages(uint64_t npages)
{
	return npages / SMI_LAYER_TABLE_DIGESTS +
	       (npages % SMI_LAYER_TABLE_DIGESTS != 0);
}

struct smi_layer_region {
	uint32_t id; /* of the memory it was taken from */
	uint32_t page_shift;
	uint64_t gpa;
	uint64_t size_bytes;
	char name[SMI_LAYER_NAME_BYTES];
	struct smi_layer_extent *extents; /* owned; ascending, without gaps */
	size_t nextents;
};

struct smi_layer_blob {
	char name[SMI_LAYER_NAME_BYTES];
	uint8_t *bytes; /* owned */
	size_t length_bytes;
};

struct smi_layer_stats {
	uint64_t time_ns;  /* CLOCK_REALTIME of the moment */
	uint64_t pause_ns; /* the last one, from quiesce to resume */
	uint64_t harvest_ns, copy_ns, write_ns;
	uint64_t pages;	     /* that this layer stores, zeros included */
	uint64_t zero_pages; /* of them */
	/* All of them, if they were several: else pause_ns is all. */
	uint64_t pauses, paused_ns, longest_pause_ns;
};

struct smi_layer {
	struct smi_layer_region *regions; /* owned; ascending gpa */
	size_t nregions;
	struct smi_layer_blob *blobs; /* owned */
	size_t nblobs;
	struct smi_layer_stats stats;
	bool has_parent;
	struct smi_qcow2_digest parent; /* its moment's digest */
	struct smi_qcow2_digest digest; /* of this moment: sum over all pages of
					   all regions */
	/* Where the tail is; the footer is the disk's last page. */
	uint64_t tail_page, tail_npages;
	struct smi_qcow2_digest tail_checksum; /* of one that was read */
	uint64_t disk_npages;
};

/* Frees what @layer owns and clears it. */
void smi_layer_clear(struct smi_layer *layer);

/* The index of a blob, or of a region by name; nblobs or nregions if none. */
size_t smi_layer_find_blob(const struct smi_layer *layer, const char *name);
size_t smi_layer_find_region(const struct smi_layer *layer, const char *name);

#endif
