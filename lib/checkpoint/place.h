/* SPDX-License-Identifier: MIT */
/*
 * Where the regions of a layer are on its virtual disk.
 *
 * A region keeps its extents from layer to layer. What is new (a region, or the
 * part it grew by) gets the first free place that is large enough, or the end.
 * Free is what no region of this layer has: so the place may show pages of the
 * parent's, and everything in it must be written, data or zeros. Beyond the
 * parent's disk there is nothing to show: it reads as zeros. The disk of a
 * layer with a parent is never shorter than the parent's, so that the footer
 * stays the last page when tools merge the two.
 */
#ifndef LIB_CHECKPOINT_PLACE_H
#define LIB_CHECKPOINT_PLACE_H

#include <smudge/error.h>

#include "checkpoint/layer.h"

/* What a layer's regions must have written although nothing marked it dirty. */
struct smi_place_fresh {
	size_t region;		     /* index in the layer */
	uint64_t first_page, npages; /* of the region */
	uint64_t disk_page;
};

/*
 * smi_place_regions - give extents to the regions of @layer
 * @parent: NULL for a full layer: all regions are placed anew, in ascending gpa
 * @layer: regions with id, page_shift, gpa, size_bytes, name, no extents; a
 *      region continues the parent's of the same id, page_shift, gpa and name
 * @ret_fresh, @ret_nfresh: the newly used extents, owned by the caller
 *
 * Return: 0, -E2BIG (too many extents, or a disk above 2^51 pages), -ENOMEM; on
 * failure @layer has no extents.
 */
int smi_place_regions(const struct smi_layer *parent, struct smi_layer *layer,
		      struct smi_place_fresh **ret_fresh, size_t *ret_nfresh,
		      struct smudge_error *err);

/*
 * smi_place_tail - set tail_page, tail_npages and disk_npages: the tail behind
 *      all extents, then the footer as the last page
 * @ret_gap_first, @ret_gap_npages: pages of the disk between tail and footer
 */
void smi_place_tail(const struct smi_layer *parent, struct smi_layer *layer,
		    size_t tail_npages);

#endif
