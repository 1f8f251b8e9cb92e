/* SPDX-License-Identifier: MIT */
/*
 * Which tiles of the frame have changed and were not returned to the caller
 * yet.
 *
 * A tile is 64 x 16 pixels: 256 bytes of a line are compared at once, and 16
 * lines are one line of text. The map has one bit per tile and 256 bits per row
 * of tiles whatever the width, so it is part of the screen: 32 KiB, of which a
 * refresh reads the rows between the first and the last change.
 *
 * INVARIANT: a pixel of the frame that has changed since the last refresh that
 * succeeded is in a tile whose bit is set. A refresh that fails half way leaves
 * the bits set for the next one.
 */
#ifndef LIB_DISPLAY_TILES_H
#define LIB_DISPLAY_TILES_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/display.h>

#define SMI_TILE_WIDTH	64
#define SMI_TILE_HEIGHT 16
#define SMI_TILE_BYTES	(SMI_TILE_WIDTH * 4) /* of one line */
#define SMI_TILE_WORDS	(SMUDGE_DISPLAY_MAX_SIDE / SMI_TILE_WIDTH / 64)
#define SMI_TILE_ROWS	(SMUDGE_DISPLAY_MAX_SIDE / SMI_TILE_HEIGHT)

struct smi_tiles {
	uint32_t width, height; /* pixels */
	uint32_t first_row;	/* no bit is set in rows before it */
	uint32_t end_row;	/* nor from this one on; <= first_row: none */
	uint64_t changed[SMI_TILE_ROWS][SMI_TILE_WORDS];
};

/* A map in which every tile has changed. */
void smi_tiles_init(struct smi_tiles *tiles, uint32_t width, uint32_t height);

/* A pixel of the tile that holds (@column, @row) has changed. */
static inline void smi_tiles_set(struct smi_tiles *tiles, uint32_t column,
				 uint32_t row)
{
	tiles->changed[row][column / 64] |= UINT64_C(1) << (column % 64);
	if (row < tiles->first_row)
		tiles->first_row = row;
	if (row >= tiles->end_row)
		tiles->end_row = row + 1;
}

/*
 * Return the changed tiles as at most @max rectangles (at least 1), and clear
 * their bits. Return: how many rectangles.
 */
size_t smi_tiles_return_rects(struct smi_tiles *tiles,
			      struct smudge_rect *rects, size_t max);

#endif
