/* SPDX-License-Identifier: MIT */
/*
 * Taking, for the layers above.
 */
#ifndef LIB_BITMAP_TAKE_H
#define LIB_BITMAP_TAKE_H

#include <smudge/batch.h>
#include <smudge/bitmap.h>

/* Set the batch's pages again and forget it, whoever owns it. */
void smi_bitmap_put_back(struct smudge_bitmap *bitmap,
			 struct smudge_batch *batch);

#endif
