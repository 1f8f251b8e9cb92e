/* SPDX-License-Identifier: MIT */
/*
 * Select: the place of the n-th dirty page of the bits plane.
 */
#ifndef LIB_BITMAP_SELECT_H
#define LIB_BITMAP_SELECT_H

#include <smudge/bitmap.h>

/*
 * The end of the longest range [page, ...) with at most @n dirty pages that
 * ends with a dirty page: the page after the @n-th one; @end if [page, end)
 * has fewer. @n is not 0. No drain of marks.
 */
uint64_t smi_bitmap_select_end(const struct smudge_bitmap *bitmap,
			       uint64_t page, uint64_t end, uint64_t n);

#endif
