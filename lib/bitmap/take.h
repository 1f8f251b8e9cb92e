/* SPDX-License-Identifier: MIT */
/*
 * A take of the next dirty pages, and the return of a batch, for the layers
 * above.
 */
#ifndef LIB_BITMAP_TAKE_H
#define LIB_BITMAP_TAKE_H

#include <smudge/batch.h>
#include <smudge/bitmap.h>

/*
 * smi_bitmap_take_next - take the next dirty pages, with one drain of marks
 * @first_page, @end_page: the pages to search, end exclusive
 * @max_pages: pages to take at most; not 0
 * @max_span: pages from the first one taken to the end, at most; not 0
 * @batch: empty batch; its end page is the first page of the next search
 *
 * Return: true, or false if no page there is dirty; then the batch stays empty.
 */
bool smi_bitmap_take_next(struct smudge_bitmap *bitmap, uint64_t first_page,
			  uint64_t end_page, uint64_t max_pages,
			  uint64_t max_span, struct smudge_batch *batch);

/* Make the batch's pages dirty again, and empty it, whatever its owner is. */
void smi_bitmap_put_back(struct smudge_bitmap *bitmap,
			 struct smudge_batch *batch);

#endif
