/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps whose end moves while markers run.
 *
 * Both planes are reserved for the largest size, so growing and shrinking move
 * nothing, allocate nothing and cannot fail. Only numbers change: how many
 * pages there are, for the owner, and the two that markers compare with
 * (mark_npages, fast_npages). A marker may have read an old one.
 *
 * GROWING. The new pages are dirty, and a marker that read the old size drops
 * its mark of one. That loses nothing if the page is not taken before this
 * marker's content is visible. So the caller waits for a grace period before
 * the next take: each section that may have read the old size has ended then,
 * and what its thread stored before is visible (sys/rcu.h). If there is none,
 * it sets owes_barrier: what is taken stays dirty until a barrier worked.
 *
 * SHRINKING. A marker that read the old size marks a page that is gone, at any
 * time after. Its bits land in memory that stays reserved. Drains continue to
 * look at all words of group bits that there have ever been (nmark_level2), and
 * drop what lies beyond the end (drop_beyond in mark.c). If the map has grown
 * again before such a drain, a page is reported too often.
 */
#ifndef LIB_BITMAP_RESIZE_H
#define LIB_BITMAP_RESIZE_H

#include <stdint.h>

#include <smudge/bitmap.h>

/* smudge_bitmap_create with room to grow to @max_npages. Return: the same. */
int smi_bitmap_create_room(uint64_t npages, uint64_t max_npages,
			   struct smudge_bitmap **ret,
			   struct smudge_error *err);

/*
 * smi_bitmap_grow - more pages, which are dirty; the others' bits stay
 * @npages: not less than now, at most what there is room for
 *
 * Before the next take, the caller waits for a grace period or owes a barrier.
 */
void smi_bitmap_grow(struct smudge_bitmap *bitmap, uint64_t npages);

/*
 * smi_bitmap_shrink - the pages from @npages on are gone, bits and marks
 * @npages: not more than now, and not 0
 */
void smi_bitmap_shrink(struct smudge_bitmap *bitmap, uint64_t npages);

#endif
