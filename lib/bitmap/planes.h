/* SPDX-License-Identifier: MIT */
/*
 * The memory of the two planes: reserved as a whole, and held only where bits
 * have been.
 */
#ifndef LIB_BITMAP_PLANES_H
#define LIB_BITMAP_PLANES_H

#include "bitmap/layout.h"

/*
 * Reserve both planes, for the sizes in nwords. After a failure what was had
 * is still to be unmapped.
 */
bool smi_planes_map(struct smudge_bitmap *bitmap);

void smi_planes_unmap(struct smudge_bitmap *bitmap);

/* Bytes of them that hold memory. */
size_t smi_planes_resident(const struct smudge_bitmap *bitmap);

/*
 * No group is dirty but by its full bit, and what else the bits plane has
 * holds no memory.
 */
void smi_planes_drop_bits(struct smudge_bitmap *bitmap);

#endif
