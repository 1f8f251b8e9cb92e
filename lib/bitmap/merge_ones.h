/* SPDX-License-Identifier: MIT */
/*
 * A merge of 64 pages per bit, at any page.
 */
#ifndef LIB_BITMAP_MERGE_ONES_H
#define LIB_BITMAP_MERGE_ONES_H

#include <smudge/bitmap.h>

/*
 * Make pages dirty in every bitmap: the 64 pages from page @first + 64 * i on,
 * for each bit i of @ones. They are pages of every bitmap.
 */
void smi_bitmap_merge_ones(struct smudge_bitmap *const *bitmaps,
			   size_t nbitmaps, uint64_t first, uint64_t ones);

#endif
