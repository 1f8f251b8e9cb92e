/* SPDX-License-Identifier: MIT */
/*
 * A display that follows its memory: display.h.
 */
#include "support.h"

enum {
	WIDTH = 64,
	HEIGHT = 32
};

int main(void)
{
	struct smudge_display_mode mode = {.size = sizeof(mode),
					   .offset_bytes = PAGE,
					   .stride_bytes = WIDTH * 4,
					   .width = WIDTH,
					   .height = HEIGHT};
	struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smudge_display *display;
	uint32_t stride_bytes;
	struct world world;
	size_t nrects;

	world_open(&world);
	NEED(smudge_display_open(world.memory, world.region, &mode, &display,
				 &err) == 0);
	NEED(smudge_display_refresh(display, rects, SMUDGE_DISPLAY_MAX_RECTS,
				    &nrects, &err) == 0);
	NEED(nrects == 1 && rects[0].width == WIDTH);
	NEED(rects[0].height == HEIGHT);
	world.pages[PAGE + 4 * 3] = 42;
	smudge_region_mark(world.region, 1, 1);
	NEED(smudge_display_refresh(display, rects, SMUDGE_DISPLAY_MAX_RECTS,
				    &nrects, &err) == 0);
	NEED(nrects == 1 && rects[0].x <= 3 && rects[0].y == 0);
	NEED((smudge_display_frame(display, &stride_bytes)[3] & 0xff) == 42);
	NEED(stride_bytes >= WIDTH * 4);
	mode.width = WIDTH / 2;
	NEED(smudge_display_set_mode(display, &mode, &err) == 0);
	smudge_display_close(display);
	world_close(&world);
	return 0;
}
