/* SPDX-License-Identifier: MIT */
/*
 * A screen over real memory, and what every refresh of it must hold: the
 * naive oracle remembers the frame before, and looks at every pixel.
 */
#ifndef TESTS_UNIT_DISPLAY_DISPLAY_RIG_H
#define TESTS_UNIT_DISPLAY_DISPLAY_RIG_H

#include <smudge/display.h>
#include <smudge/memory.h>

#include "support.h"

struct display_rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	uint8_t *bytes; /* what the guest draws on */
	uint64_t size_bytes;
	unsigned int page_shift;
	struct smudge_display *display;
	struct smudge_display_mode mode;
	uint32_t *before; /* the frame at the last refresh */
	bool is_new;	  /* no refresh since open or set_mode */
};

/* A memory with one region, "screen"; no display yet. */
void rig_start(struct display_rig *rig, uint64_t npages,
	       unsigned int page_shift);
/* Closes the display too; then there are no bitmaps and no sources left. */
void rig_stop(struct display_rig *rig);

struct smudge_display_mode rig_mode(uint64_t offset_bytes,
				    uint32_t stride_bytes, uint32_t width,
				    uint32_t height);
void rig_open(struct display_rig *rig, struct smudge_display_mode mode);
void rig_set_mode(struct display_rig *rig, struct smudge_display_mode mode);
void rig_close(struct display_rig *rig);

/* One pixel anywhere in the region, written so that others may read it. */
void rig_store(struct display_rig *rig, uint64_t offset_bytes, uint32_t pixel);
uint32_t rig_load(const struct display_rig *rig, uint64_t offset_bytes);
/* The same and a mark. */
void rig_write(struct display_rig *rig, uint64_t offset_bytes, uint32_t pixel);
/* Where pixel (x, y) of the mode is in the region. */
uint64_t rig_at(const struct display_rig *rig, uint32_t x, uint32_t y);

/*
 * Refresh, and check what holds while the guest draws: rectangles inside the
 * mode, at most @max_rects, each with a change in it, and every pixel of the
 * frame that changed inside one. Return: how many rectangles.
 */
size_t rig_refresh_live(struct display_rig *rig, struct smudge_rect *rects,
			size_t max_rects);
/* And what holds when it rests: the frame is the screen. */
size_t rig_refresh(struct display_rig *rig, struct smudge_rect *rects,
		   size_t max_rects);

/* @mode is refused by open and set_mode alike, with @word in the sentence. */
void rig_refuses(struct display_rig *rig, struct smudge_display_mode mode,
		 const char *word);

#endif
