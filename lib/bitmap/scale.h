/* SPDX-License-Identifier: MIT */
/*
 * A merge of bits that stand for pages of another size than the bitmaps'.
 */
#ifndef LIB_BITMAP_SCALE_H
#define LIB_BITMAP_SCALE_H

#include <stdbool.h>

#include <smudge/bitmap.h>

/*
 * Pages of the source, counted in its own size from page @base_page of the
 * bitmaps on, where one begins. They cover @limit_pages pages of the bitmaps:
 * the last page of the source may reach beyond.
 */
struct smi_scaled {
	const void *bits;   /* little-endian, at any address */
	uint64_t first_bit; /* of @bits, for page first_page of the source */
	uint64_t first_page;
	uint64_t npages;
	bool is_finer;	    /* the source's pages are the smaller ones */
	unsigned int shift; /* the larger ones are 2^shift smaller, 1 to 63 */
	uint64_t base_page;
	uint64_t limit_pages;
};

/*
 * OR them into every bitmap. first_page + npages may not be beyond the source's
 * last page, nor base_page + limit_pages beyond a bitmap's. Adds the number of
 * the bitmaps' pages that were found to *npages_found, each once.
 */
void smi_bitmap_merge_scaled(struct smudge_bitmap *const *bitmaps,
			     size_t nbitmaps, const struct smi_scaled *from,
			     uint64_t *npages_found);

#endif
