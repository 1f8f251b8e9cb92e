/* SPDX-License-Identifier: MIT */
/*
 * A display's insides.
 *
 *	pages of the region -> bytes of the mode -> lines -> pieces of tiles
 *
 * A run of taken pages is a range of bytes; each line it touches gives the part
 * of the line that lies in it. A page shared by two lines gives a part of
 * each, a page between the end of a line and the next stride gives nothing,
 * and every byte of the mode is looked at once however the pages are cut.
 * Parts are cut at tiles, at most 256 bytes, and each piece is read, compared
 * with the frame, and copied where it differs.
 *
 * WHY NO WRITE IS LOST while the guest draws:
 * 1. A page's bit was cleared and its writer re-armed by the take, before the
 *    page is read here. A write after that makes it dirty again, so
 *    whatever a read missed or tore is compared again by the next refresh.
 * 2. A piece is read once, into a local copy; the copy is compared and the
 *    copy goes into the frame. So the frame holds what was compared, and a
 *    tile's bit is set if and only if the frame has changed: no pixel of the
 *    frame changes unseen because the guest wrote in between. (Comparing and
 *    then copying from the guest would reach the same end, by 1, but might
 *    also copy what was never compared.)
 * 3. A changed tile is remembered until a refresh that succeeds gives it.
 * So with the writers at rest one refresh makes the frame equal to memory, and
 * the rectangles of all refreshes together cover every change.
 *
 * COST of an idle refresh: the harvest of one region, and a take that finds
 * nothing. Else each byte of the dirty part of a line is read once, and so is
 * the frame's; nothing depends on the size of the rest of memory.
 */
#ifndef LIB_DISPLAY_DISPLAY_H
#define LIB_DISPLAY_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/batch.h>
#include <smudge/client.h>
#include <smudge/display.h>

#include "display/tiles.h"

/* One mode with its frame: set_mode makes a new one and drops the old. */
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

/* screen.c. Checks @mode, which comes from a guest. -EINVAL, -ENOMEM. */
int smi_screen_create(const struct smudge_region *region,
		      const struct smudge_display_mode *mode,
		      struct smi_screen **ret, struct smudge_error *err);
/* NULL is a no-op. */
void smi_screen_destroy(struct smi_screen *screen);

/*
 * compare.c. Read bytes [@from, @to) of line @y, compare them with the frame,
 * copy what differs, set the bits of its tiles. @changed_bytes: grows by what
 * was copied. Return: 0, or the error of reading.
 */
int smi_screen_compare(struct smi_screen *screen,
		       const struct smudge_region *region, uint32_t y,
		       uint32_t from, uint32_t to, uint64_t *changed_bytes,
		       struct smudge_error *err);

#endif
