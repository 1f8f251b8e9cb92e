/* SPDX-License-Identifier: MIT */
/*
 * Questions to the bits plane alone.
 */
#ifndef LIB_BITMAP_QUERY_H
#define LIB_BITMAP_QUERY_H

#include <smudge/bitmap.h>

/* The first clean page in [page, end), or end. Marks are not drained. */
uint64_t smi_bitmap_find_clean(const struct smudge_bitmap *bitmap,
			       uint64_t page, uint64_t end);

#endif
