/* SPDX-License-Identifier: MIT */
/*
 * The memory of the two planes. Its address space is reserved as a whole; the
 * kernel populates it where bits are set.
 */
#ifndef LIB_BITMAP_PLANES_H
#define LIB_BITMAP_PLANES_H

#include "bitmap/layout.h"

/*
 * Reserve both planes, for @ngroups at most. After a failure the caller still
 * has to unmap what was mapped.
 */
bool smi_planes_map(struct smudge_bitmap *bitmap, uint64_t ngroups);

void smi_planes_unmap(struct smudge_bitmap *bitmap);

/* How many of their bytes are populated. */
size_t smi_planes_resident(const struct smudge_bitmap *bitmap);

/*
 * Clear the bits plane but for the full bits, so that no group is dirty unless
 * it is full, and release its memory but for the page that these begin on.
 */
void smi_planes_drop_bits(struct smudge_bitmap *bitmap);

#endif
