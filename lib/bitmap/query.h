/* SPDX-License-Identifier: MIT */
/*
 * Queries of the bits plane alone.
 */
#ifndef LIB_BITMAP_QUERY_H
#define LIB_BITMAP_QUERY_H

#include <smudge/bitmap.h>

/* The first dirty or clean page in [page, end), or end. No drain of marks. */
uint64_t smi_bitmap_find_dirty(const struct smudge_bitmap *bitmap,
			       uint64_t page, uint64_t end);
uint64_t smi_bitmap_find_clean(const struct smudge_bitmap *bitmap,
			       uint64_t page, uint64_t end);

#endif
