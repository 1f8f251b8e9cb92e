/* SPDX-License-Identifier: MIT */
/*
 * paint: a guest that keeps drawing on the display.
 *
 * It draws its scenes in turn, over and over, with a number of frames each.
 * show is for people, the others are for tests and leave each other's pixels:
 *   show    a title, the number of the frame, and a box that goes to and fro
 *   text    lines of text with a running number, and a blinking cursor
 *   box     a box that moves over the picture
 *   scroll  the picture moves up by eight lines, a line of text appears
 *   redraw  every pixel changes its colour
 *   touch   one pixel in every page of the screen
 *   mode    other sizes, smaller and larger, odd widths, lines with gaps
 *   absurd  modes that no display has; each must be refused
 *
 * Command line: scenes=text+box (show unless given), frames=N per scene (20),
 * rate=N frames per second (0: no limit), loops=N over all scenes (0: for
 * ever).
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

#define PAINT_BACKGROUND 0x00102030u
#define PAINT_FOREGROUND 0x00e0e8d0u
#define PAINT_BOX_COLOUR 0x00d04020u

enum paint_scene {
	PAINT_SHOW,
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
	uint32_t number;	  /* of frames drawn so far */
	unsigned int show_digits; /* of show's number on the screen; 0: none */
};

/* The lines of a character, leftmost pixel in bit 4. */
const uint8_t *paint_glyph(char c);

/* Pixels outside the screen are left out. */
void paint_fill(const struct guest_screen *screen, uint32_t x, uint32_t y,
		uint32_t width, uint32_t height, uint32_t colour);

/* Draw show's frame: all of it the first time, then what changes. */
void paint_show(struct paint *paint);

void paint_configure(const char *cmdline, struct paint *paint);

/* Draw the scene's next frame. False: a check failed. */
bool paint_frame(struct paint *paint, enum paint_scene scene);

#endif
