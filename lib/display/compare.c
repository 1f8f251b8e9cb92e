/* SPDX-License-Identifier: MIT */
/*
 * Comparing a part of a line with the frame, tile by tile.
 *
 * The guest writes meanwhile. Each piece is copied once, by atomic loads
 * (relaxed: the take's re-arming is what orders them) that compile to plain
 * ones, and only the copy is compared and kept; display.h says why.
 */
#include "display/display.h"

#include <stdbool.h>
#include <string.h>

/* Copy @n bytes, a multiple of 4 as both addresses are. */
static void read_guest(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint32_t at = 0;

	if (n && (uintptr_t)from & 4) {
		uint32_t pixel = __atomic_load_n((const uint32_t *)from,
						 __ATOMIC_RELAXED);

		memcpy(to, &pixel, 4);
		at = 4;
	}
	for (; at + 8 <= n; at += 8) {
		uint64_t two = __atomic_load_n((const uint64_t *)(from + at),
					       __ATOMIC_RELAXED);

		memcpy(to + at, &two, 8);
	}
	if (at < n) {
		uint32_t pixel = __atomic_load_n((const uint32_t *)(from + at),
						 __ATOMIC_RELAXED);

		memcpy(to + at, &pixel, 4);
	}
}

uint64_t smi_screen_compare(struct smi_screen *screen, uint32_t y,
			    uint32_t from, uint32_t to)
{
	const uint8_t *guest =
		screen->guest + (uint64_t)y * screen->mode.stride_bytes;
	uint8_t *frame = screen->frame + (uint64_t)y * screen->line_bytes;
	uint64_t copied = 0;

	while (from < to) {
		uint32_t column = from / SMI_TILE_BYTES;
		uint32_t end = (column + 1) * SMI_TILE_BYTES;
		uint8_t piece[SMI_TILE_BYTES];
		uint32_t n = (end < to ? end : to) - from;

		read_guest(piece, guest + from, n);
		if (memcmp(piece, frame + from, n) != 0) {
			memcpy(frame + from, piece, n);
			smi_tiles_set(&screen->tiles, column,
				      y / SMI_TILE_HEIGHT);
			copied += n;
		}
		from += n;
	}
	return copied;
}
