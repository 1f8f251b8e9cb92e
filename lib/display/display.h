/* SPDX-License-Identifier: MIT */
/*
 * The objects of lib/display, and why a display loses no change.
 *
 *	pages of the region -> bytes of the mode -> lines -> pieces of tiles
 *
 * A run of taken pages is a range of bytes; each line that it touches has a
 * part in this range. A page shared by two lines has a part of each, and the
 * bytes between the end of a line and the next stride are in no part, so every
 * byte of the mode is compared exactly once however the pages are cut. Parts
 * are cut at tiles into pieces of at most 256 bytes. Each piece is read,
 * compared with the frame, and copied into the frame if it differs.
 *
 * WHY NO WRITE IS LOST while the guest draws:
 * 1. The take cleared a page's bit and re-armed its writers before the page is
 *    read here. A write after that makes the page dirty again, so whatever a
 *    read missed or saw by half is compared again by the next refresh.
 * 2. A piece is read once, into a local copy. The copy is compared, and the
 * copy goes into the frame. So the frame holds what was compared, and a tile's
 *    bit is set if and only if the frame has changed: no pixel of the frame
 *    changes unnoticed because the guest wrote in between. (Comparing first and
 *    then copying from the guest would end in the same picture, by 1, but might
 *    copy bytes that were never compared.)
 * 3. A changed tile is remembered until a refresh that succeeds returns it.
 * So once the writers rest, one refresh makes the frame equal to memory, and
 * the rectangles of all refreshes together cover every change.
 *
 * COST of a refresh with no change: the harvest of one region, and a take that
 * finds nothing. Otherwise each byte of the dirty part of a line is read once,
 * and so is the frame's. Nothing depends on the size of the rest of memory.
 */
#ifndef LIB_DISPLAY_DISPLAY_H
#define LIB_DISPLAY_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/client.h>
#include <smudge/display.h>

#include "display/tiles.h"

/* A mode with its frame; set_mode replaces it by a new one. */
struct smi_screen {
	struct smudge_display_mode mode;
	uint64_t size_bytes; /* to the end of the last line's pixels */
	uint64_t first_page, npages;
	uint32_t line_bytes; /* width * 4, the frame's stride */
	uint8_t *frame;
	size_t frame_bytes;
	struct smi_tiles tiles;
};

struct smudge_display {
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch; /* empty between calls */
	struct smi_screen *screen;
	struct smudge_display_stats stats;
};

/*
 * screen.c. Check @mode, which a guest may have chosen, and map its frame.
 * Return: 0, -EINVAL, -ENOMEM.
 */
int smi_screen_create(const struct smudge_region *region,
		      const struct smudge_display_mode *mode,
		      struct smi_screen **ret_screen, struct smudge_error *err);
/* NULL is a no-op. */
void smi_screen_destroy(struct smi_screen *screen);

/*
 * compare.c. Read bytes [@from, @to) of line @y, compare them with the frame,
 * copy the pieces that differ, and set the bits of their tiles.
 * @changed_bytes: grows by what was copied.
 * Return: 0, or the error of reading.
 */
int smi_screen_compare(struct smi_screen *screen,
		       const struct smudge_region *region, uint32_t y,
		       uint32_t from, uint32_t to, uint64_t *changed_bytes,
		       struct smudge_error *err);

#endif
