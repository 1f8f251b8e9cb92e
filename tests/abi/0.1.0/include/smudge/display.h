/* SPDX-License-Identifier: MIT */
/*
 * Display: which parts of a guest's screen have changed.
 *
 * A display watches the region that holds a linear framebuffer of 32 bits per
 * pixel, with a client of its own that is open as long as the display is: with
 * no display open, nothing of that region is tracked for a screen. The display
 * keeps a frame, its copy of the screen as of the last refresh. A refresh
 * harvests that region, takes the pages of the screen that were written,
 * compares these with the frame, and returns the changed parts as few
 * rectangles. It stops no vCPU and touches no other memory, so its cost depends
 * on what was drawn, never on the size of the guest.
 *
 * The guest draws while it is read, so a frame may show one line as it was a
 * moment earlier than the next line. What was written during a refresh is dirty
 * again and corrected by the next one: once the guest rests, one refresh makes
 * the frame equal to the framebuffer.
 *
 * Pixels are copied, never interpreted; only the program knows their format.
 */
#ifndef SMUDGE_DISPLAY_H
#define SMUDGE_DISPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_display;

/* The largest width and height of a mode, in pixels. */
#define SMUDGE_DISPLAY_MAX_SIDE 16384

/* A refresh returns no more rectangles than this, whatever the caller allows.
 */
#define SMUDGE_DISPLAY_MAX_RECTS 256

/*
 * Where the screen is in its region. A guest may choose all of these values:
 * impossible ones are refused with a sentence. Lines may begin anywhere in a
 * page, and need not fill the stride.
 */
struct smudge_display_mode {
	size_t size;		/* sizeof(struct smudge_display_mode) */
	uint64_t offset_bytes;	/* first pixel, from the region's start; a
				   multiple of 4 */
	uint32_t stride_bytes;	/* from a line to the next; a multiple of 4, at
				   least width * 4 */
	uint32_t width, height; /* pixels, 1 to SMUDGE_DISPLAY_MAX_SIDE */
};

/* Pixels [x, x + width) of lines [y, y + height). */
struct smudge_rect {
	uint32_t x, y, width, height;
};

/*
 * smudge_display_open - begin to watch a screen
 * @memory: memory of @region (borrowed; not destroyed while the display is
 *      open)
 * @region: has the framebuffer (borrowed); held while the display is open:
 *      removing it fails with -EBUSY
 * @mode: copied
 * @ret_display: receives the display, closed by smudge_display_close
 * @err: receives the first failure; may be NULL
 *
 * Opens a client named "display" that watches only @region, and allocates the
 * frame: width * height * 4 bytes, never more than the region has. The frame is
 * zeros at first; the first refresh reads the whole screen and returns all of
 * it as changed.
 * Blocks: as smudge_client_open. Threads: any.
 * State after failure: as before the call.
 * Return: 0, -EINVAL (an impossible mode, or one that does not fit into the
 * region; a region of another memory), -E2BIG (the mode has fields that this
 * library does not know), -EPERM (in a child of fork: memory.h), -ENOMEM, or
 * the error of the source that could not be started.
 */
int smudge_display_open(struct smudge_memory *memory,
			struct smudge_region *region,
			const struct smudge_display_mode *mode,
			struct smudge_display **ret_display,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3, 4);

/*
 * smudge_display_close - stop watching
 * @display: may be NULL; invalid afterwards, and so is its frame
 *
 * Closes the client: its bitmap is freed, and the region's sources stop
 * unless another client watches the region.
 * Blocks: as smudge_client_close. Threads: no other call may use @display.
 */
void smudge_display_close(struct smudge_display *display);

/*
 * smudge_display_set_mode - move the screen in its region, or change its size
 * @display: display (borrowed)
 * @mode: copied; in the same region
 * @err: receives the first failure; may be NULL
 *
 * A new frame of zeros replaces the old one; pointers to the old frame are
 * invalid afterwards. The next refresh reads the whole screen and returns all
 * of it as changed.
 * Blocks: on the region's lock. Threads: one at a time per display.
 * State after failure: as before the call, old mode and frame included.
 * Return: 0, -EINVAL (an impossible mode, or one that does not fit into the
 * region), -E2BIG (the mode has fields that this library does not know),
 * -ENOMEM.
 */
int smudge_display_set_mode(struct smudge_display *display,
			    const struct smudge_display_mode *mode,
			    struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_display_refresh - find what has changed since the last refresh
 * @display: display (borrowed)
 * @rects: receives at most @max_rects rectangles
 * @max_rects: at least 1; beyond SMUDGE_DISPLAY_MAX_RECTS no more are used
 * @ret_nrects: receives their number; 0: the screen has not changed
 * @err: receives the first failure; may be NULL
 *
 * Harvests the display's region only, takes the pages of the mode, and
 * brings the frame up to date. Every pixel of the frame that changed is in a
 * rectangle, and every rectangle is inside the mode; edges are rounded
 * outwards to tiles of 64 x 16 pixels. If there are more than @max_rects, they
 * are merged, never dropped, and may then overlap. A page whose content was
 * written again unchanged has no rectangle. Pages of the region outside the
 * mode stay dirty in the client's bitmap.
 * A write is in the frame if it ended before the call and a source of the
 * region detects it, or if it was marked before the call.
 * Blocks: as smudge_region_harvest and smudge_client_take. Threads: one at a
 * time per display; guest and devices may write.
 * State after failure: no rectangle is returned; what was compared so far is
 * returned by the next refresh that succeeds, and the rest is still dirty.
 * Return: 0, -EINVAL (@max_rects is 0), -EIO (a source could not be re-armed),
 * -EPERM (in a child), or the error of the source that could not be harvested.
 */
int smudge_display_refresh(struct smudge_display *display,
			   struct smudge_rect *rects, size_t max_rects,
			   size_t *ret_nrects,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 4);

/*
 * smudge_display_frame - the screen as of the last refresh
 * @display: display (borrowed)
 * @ret_stride_bytes: receives width * 4, from a line to the next; may be NULL
 *
 * Only smudge_display_refresh changes the frame, so a program can send it while
 * the guest draws. After a refresh that failed, the frame may be updated in
 * part.
 * Blocks: no. Threads: as smudge_display_refresh.
 * Return: the first pixel, aligned to 64 bytes; valid until set_mode or close.
 */
const uint32_t *smudge_display_frame(const struct smudge_display *display,
				     uint32_t *ret_stride_bytes)
	SMUDGE_NONNULL(1);

/* What the display has cost: totals since it was opened. */
struct smudge_display_stats {
	size_t size;		 /* set by the caller: sizeof */
	uint64_t refreshes;	 /* failed ones included */
	uint64_t refresh_ns;	 /* spent in them, harvest and take included */
	uint64_t taken_pages;	 /* pages of the mode found dirty */
	uint64_t compared_bytes; /* read from the guest */
	uint64_t changed_bytes;	 /* copied into the frame */
	uint64_t rects;		 /* returned */
};

/*
 * smudge_display_stats - read the statistics
 * @display: display (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written
 *
 * Blocks: no. Threads: as smudge_display_refresh.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_display_stats(const struct smudge_display *display,
			 struct smudge_display_stats *stats)
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
