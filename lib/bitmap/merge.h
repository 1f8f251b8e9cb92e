/* SPDX-License-Identifier: MIT */
/*
 * Kernel bitmaps for the layers above: a merge that counts.
 */
#ifndef LIB_BITMAP_MERGE_H
#define LIB_BITMAP_MERGE_H

#include <smudge/bitmap.h>

/* smudge_bitmap_merge; adds the bits found to *npages_found unless NULL. */
int smi_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
		     uint64_t first_page, const void *bits, uint64_t first_bit,
		     uint64_t npages, uint64_t *npages_found);

#endif
