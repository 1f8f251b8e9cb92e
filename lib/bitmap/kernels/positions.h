/* SPDX-License-Identifier: MIT */
/*
 * The positions of the bits of a byte, for the vector kernels of processors
 * without a byte compress: one row of eight bytes per value of the byte, which
 * is loaded, widened and stored at once. Little-endian processors only.
 */
#ifndef LIB_BITMAP_KERNELS_POSITIONS_H
#define LIB_BITMAP_KERNELS_POSITIONS_H

#include <stdint.h>

/* Row b: the positions of the bits set in b, lowest first, then zeros. */
extern const uint64_t smi_positions[256];

#endif
