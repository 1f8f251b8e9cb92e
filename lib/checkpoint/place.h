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
#include "common/range.h"

/*
 * Pages of a region that are new on the disk, although nothing marked them
 * dirty: a new region, or what one has grown by. Their digests have a table of
 * their own: smi_layer_table_npages(npages) pages of the disk from table_page
 * on, which are new wholly too.
 */
struct smi_place_fresh {
	size_t region;		     /* index in the layer */
	uint64_t first_page, npages; /* of the region */
	uint64_t disk_page;
	uint64_t table_page;
};

/*
 * smi_place_regions - give extents to the regions of @layer
 * @parent: NULL for a full layer: all regions are placed anew, in ascending
 *      gpa, and all tables behind them
 * @layer: regions with id, page_shift, gpa, size_bytes, name, no extents; a
 *      region continues the parent's of the same id, page_shift, gpa and name
 * @ret_fresh, @ret_nfresh: the newly used extents, owned by the caller, in the
 *      order of the regions
 *
 * Every page of fresh extents and tables must be written, data or zeros, if it
 * is among those that smi_place_showing counts; the others read as zeros until
 * they are.
 * Return: 0, -E2BIG (too many extents, or a disk above 2^51 pages), -ENOMEM; on
 * failure @layer has no extents.
 */
int smi_place_regions(const struct smi_layer *parent, struct smi_layer *layer,
		      struct smi_place_fresh **ret_fresh, size_t *ret_nfresh,
		      struct smudge_error *err);

/*
 * How many of the disk's pages [disk_page, disk_page + npages), counted from
 * the first on, may show what an older layer had there.
 */
static inline uint64_t smi_place_showing(const struct smi_layer *parent,
					 uint64_t disk_page, uint64_t npages)
{
	if (!parent || disk_page >= parent->disk_npages)
		return 0;
	return min_u64(npages, parent->disk_npages - disk_page);
}

/*
 * smi_place_tail - set tail_page, tail_npages and disk_npages: the tail behind
 *      all extents and tables, then the footer as the last page
 *
 * Pages between tail and footer are not used; they may show the parent's tail.
 */
void smi_place_tail(const struct smi_layer *parent, struct smi_layer *layer,
		    size_t tail_npages);

#endif
