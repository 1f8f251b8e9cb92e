/* SPDX-License-Identifier: MIT */
/*
 * paint: a guest that keeps drawing on the display.
 *
 * It draws its scenes in turn, over and over, with a number of frames each:
 *   text    lines of text with a running number, and a blinking cursor
 *   box     a box that moves over the picture
 *   scroll  the picture moves up by eight lines, a line of text appears
 *   redraw  every pixel changes its colour
 *   touch   one pixel in every page of the screen
 *   mode    other sizes, smaller and larger, odd widths, lines with gaps
 *   absurd  modes that no display has; each must be refused
 *
 * Command line: scenes=text+box (all but mode and absurd unless given),
 * frames=N per scene (20), rate=N frames per second (0: no limit), loops=N over
 * all scenes (0: for ever).
 *
 * Serial output, one line each:
 *   paint: ready WIDTHxHEIGHT
 *   paint: loop N
 *   paint: key KEYSYM down|up
 *   paint: error TEXT
 *   paint: done loops N
 */
#ifndef GUESTS_PAINT_H
#define GUESTS_PAINT_H

#include "display.h"
#include "machine.h"

#define PAINT_GLYPH_WIDTH  5
#define PAINT_GLYPH_HEIGHT 7

enum paint_scene {
	PAINT_TEXT,
	PAINT_BOX,
	PAINT_SCROLL,
	PAINT_REDRAW,
	PAINT_TOUCH,
	PAINT_MODE,
	PAINT_ABSURD,
	PAINT_NSCENES,
};

struct paint {
	struct guest_screen max; /* the mode at start */
	struct guest_screen screen;
	unsigned int scenes; /* bit i: enum paint_scene */
	uint64_t frames;
	uint64_t rate_fps;
	uint64_t loops;
	uint32_t number; /* of frames drawn so far */
};

/* The lines of a character, leftmost pixel in bit 4. */
const uint8_t *paint_glyph(char c);

void paint_configure(const char *cmdline, struct paint *paint);

/* Draw the scene's next frame. False: a check failed. */
bool paint_frame(struct paint *paint, enum paint_scene scene);

#endif
