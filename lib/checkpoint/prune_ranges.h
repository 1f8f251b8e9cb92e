/* SPDX-License-Identifier: MIT */
/*
 * The parts of a layer's disk that a layer must hold or show: extents, tables
 * and tail. The footer is apart, since it names the parent.
 */
#ifndef LIB_CHECKPOINT_PRUNE_RANGES_H
#define LIB_CHECKPOINT_PRUNE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/layer.h"
#include "qcow2/chain.h"

struct smi_prune_range {
	uint64_t first_page, npages; /* of the disk */
	/* Pages of an extent, which have digests. */
	bool is_extent;
	size_t region;
	uint64_t region_page; /* the first page's, of the region */
};

/*
 * smi_prune_ranges - all of a layer, in ascending order
 * @is_all: also what belongs to no part, up to the footer: where layers on it
 *	were put there by tools, which look at the disk only
 * @ret_ranges: owned by the caller
 * Return: 0, -ENOMEM.
 */
int smi_prune_ranges(const struct smi_layer *layer, bool is_all,
		     struct smi_prune_range **ret_ranges, size_t *ret_nranges,
		     struct smudge_error *err);

/* A piece is where it says; another value than 0 ends the walk. */
typedef int smi_prune_found_fn(void *opaque,
			       const struct smi_qcow2_piece *piece);

/*
 * smi_prune_pieces - where pages of the disk are
 * smi_prune_pieces_of - where all pages of a layer are
 * Return: 0, -ENOMEM, what @found returned, or as smi_qcow2_reader_piece.
 */
int smi_prune_pieces(struct smi_qcow2_reader *reader, uint64_t first_page,
		     uint64_t npages, smi_prune_found_fn *found, void *opaque,
		     struct smudge_error *err);
int smi_prune_pieces_of(const struct smi_layer *layer, bool is_all,
			struct smi_qcow2_reader *reader,
			smi_prune_found_fn *found, void *opaque,
			struct smudge_error *err);

#endif
