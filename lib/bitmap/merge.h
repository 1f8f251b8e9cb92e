/* SPDX-License-Identifier: MIT */
/*
 * A merge that counts the bits, for the layers above.
 */
#ifndef LIB_BITMAP_MERGE_H
#define LIB_BITMAP_MERGE_H

#include <smudge/bitmap.h>

/* smudge_bitmap_merge. Adds the number of bits to *npages_found unless NULL. */
int smi_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
		     uint64_t first_page, const void *bits, uint64_t first_bit,
		     uint64_t npages, uint64_t *npages_found);

#endif
