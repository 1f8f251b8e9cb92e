/* SPDX-License-Identifier: MIT */
/*
 * The table of positions, computed by the preprocessor. If bit i of b is set,
 * row b has i in the byte whose number is the count of set bits below bit i.
 */
#include "bitmap/kernels/positions.h"

#define HAS(b, i)   ((b) >> (i)&1)
#define BELOW(b, i) __builtin_popcount((b) & ((1 << (i)) - 1))
#define PUT(b, i)   (HAS(b, i) ? UINT64_C(i) << 8 * BELOW(b, i) : 0)
#define ROW(b)                                                       \
	(PUT(b, 0) | PUT(b, 1) | PUT(b, 2) | PUT(b, 3) | PUT(b, 4) | \
	 PUT(b, 5) | PUT(b, 6) | PUT(b, 7))
#define ROW4(b)	 ROW(b), ROW(b + 1), ROW(b + 2), ROW(b + 3)
#define ROW16(b) ROW4(b), ROW4(b + 4), ROW4(b + 8), ROW4(b + 12)
#define ROW64(b) ROW16(b), ROW16(b + 16), ROW16(b + 32), ROW16(b + 48)

const uint64_t smi_positions[256] = {ROW64(0), ROW64(64), ROW64(128),
				     ROW64(192)};
