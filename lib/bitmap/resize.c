/* SPDX-License-Identifier: MIT */
/*
 * The end of a bitmap moves. resize.h says why no mark is lost.
 *
 * Costs: a bit per new group; a step per dirty group that is gone.
 */
#include "bitmap/resize.h"

#include "bitmap/group.h"
#include "bitmap/mark.h"

/*
 * Relaxed, both: they publish nothing but themselves, and the caller's grace
 * period orders them with the marks (resize.h).
 */
static void tell_markers(struct smudge_bitmap *b, uint64_t npages)
{
	atomic_store_explicit(&b->mark_npages, npages, memory_order_relaxed);
	if (atomic_load_explicit(&b->fast_npages, memory_order_relaxed))
		atomic_store_explicit(&b->fast_npages, npages,
				      memory_order_relaxed);
}

void smi_bitmap_grow(struct smudge_bitmap *b, uint64_t npages)
{
	uint64_t first = b->npages;
	uint64_t group = b->ngroups;

	smi_bitmap_set_npages(b, npages);
	/* The rest of the group that was the last one. */
	smudge_bitmap_set_range(b, first, smi_group_page(group) - first);
	for (; group < b->ngroups; group++)
		smi_set_bit(b->full, group, true);
	tell_markers(b, npages);
}

/* No page from @npages on is dirty. Clean groups are not touched. */
static void clear_beyond(struct smudge_bitmap *b, uint64_t npages)
{
	unsigned int first = (unsigned int)(npages & (SMI_GROUP_PAGES - 1));
	uint64_t group = smi_page_group(npages);
	uint64_t cleared[SMI_GROUP_WORDS];

	if (first) {
		smi_group_extract(b, group, first,
				  (unsigned int)smi_group_npages(b, group),
				  cleared);
		group++;
	}
	while ((group = smi_group_next(b, group, b->ngroups)) < b->ngroups) {
		if (smi_group_is_full(b, group))
			smi_set_bit(b->full, group, false);
		else
			smi_group_clear(b, group);
	}
}

/* Marks that have returned are drained, so that they do not come again. */
void smi_bitmap_shrink(struct smudge_bitmap *b, uint64_t npages)
{
	if (npages >= b->npages)
		return;
	tell_markers(b, npages);
	smi_bitmap_drain(b);
	clear_beyond(b, npages);
	smi_bitmap_set_npages(b, npages);
}
