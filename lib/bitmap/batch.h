/* SPDX-License-Identifier: MIT */
/*
 * The edges of a batch's runs.
 *
 * edges[2 i] is the first page of run i, and edges[2 i + 1] the page after its
 * last, both counted from base_page. An edge has 32 bits: that is half the
 * memory traffic of whole runs, and it is what the vector kernels store. So a
 * take covers at most SMI_BATCH_MAX_PAGES.
 */
#ifndef LIB_BITMAP_BATCH_H
#define LIB_BITMAP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>

#define SMI_BATCH_MAX_PAGES (UINT64_C(1) << 31)

struct smudge_batch {
	uint32_t *edges;
	size_t max_edges; /* the array has SMI_EDGE_SLACK entries more */
	size_t nedges;	  /* even between calls */
	uint64_t base_page;
	uint64_t end_page;
	bool is_taken;	   /* between a take and its commit or return */
	const void *owner; /* the client's view; NULL for a bare bitmap's */
	size_t mapped_bytes;
};

/* Forget everything. */
static inline void smi_batch_reset(struct smudge_batch *batch)
{
	batch->nedges = 0;
	batch->base_page = 0;
	batch->end_page = 0;
	batch->is_taken = false;
	batch->owner = NULL;
}

#endif
