/* SPDX-License-Identifier: MIT */
/*
 * Compare a part of a line with the frame, tile by tile.
 *
 * The guest may write meanwhile. Each piece is read once into a copy, and only
 * the copy is compared and kept; display.h says why no change is lost.
 */
#include "display/display.h"

#include <string.h>

#define LINE_BYTES 64 /* of the cache; a wrong guess costs only time */

/*
 * How far ahead of the present piece the frame is prefetched; the copy does the
 * same for the guest's memory. Without it a full redraw of a 4K screen takes a
 * fifth longer.
 */
#define AHEAD_BYTES 2048

static void prefetch(const uint8_t *frame)
{
	for (uint32_t i = 0; i < SMI_TILE_BYTES; i += LINE_BYTES)
		__builtin_prefetch(frame + i, 1);
}

int smi_screen_compare(struct smi_screen *screen,
		       const struct smudge_region *region, uint32_t y,
		       uint32_t from, uint32_t to, uint64_t *changed_bytes,
		       struct smudge_error *err)
{
	uint8_t *frame = screen->frame + (uint64_t)y * screen->line_bytes;
	uint64_t line = screen->mode.offset_bytes +
			(uint64_t)y * screen->mode.stride_bytes;

	while (from < to) {
		uint32_t column = from / SMI_TILE_BYTES;
		uint32_t end = (column + 1) * SMI_TILE_BYTES;
		uint8_t piece[SMI_TILE_BYTES] __attribute__((aligned(16)));
		uint32_t n = (end < to ? end : to) - from;
		int ret;

		prefetch(frame + from + AHEAD_BYTES);
		ret = smudge_region_read_bytes(region, line + from, n, piece,
					       err);
		if (ret < 0)
			return ret;
		if (memcmp(frame + from, piece, n) != 0) {
			memcpy(frame + from, piece, n);
			smi_tiles_set(&screen->tiles, column,
				      y / SMI_TILE_HEIGHT);
			*changed_bytes += n;
		}
		from += n;
	}
	return 0;
}
