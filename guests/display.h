/* SPDX-License-Identifier: MIT */
/*
 * The display of smudge-vm as a guest sees it: a linear framebuffer of 32-bit
 * pixels (0x00rrggbb), mode registers, and a queue of keys.
 */
#ifndef GUESTS_DISPLAY_H
#define GUESTS_DISPLAY_H

#include "machine.h"

#define GUEST_VRAM_GPA UINT64_C(0xe0000000)

/* All in pixels; the stride is the distance between two lines. */
struct guest_screen {
	uint32_t width;
	uint32_t height;
	uint32_t stride;
	uint32_t x_offset;
	uint32_t y_offset;
};

/* False: this machine has no display. @ret_max receives the largest mode. */
bool guest_display_find(struct guest_screen *ret_max);

/*
 * Switch to the width and height of @screen, and to its stride if that is not
 * 0. False: the machine refused it, and the mode has not changed.
 */
bool guest_display_set(const struct guest_screen *screen);

/* The first pixel of a visible line. */
volatile uint32_t *guest_display_line(const struct guest_screen *screen,
				      uint32_t line);

/*
 * Give pixels a colour; count the pixels before the first that has another one.
 * Both use string instructions: a host that emulates guest code one instruction
 * at a time would need seconds per screen otherwise.
 */
void guest_display_fill(volatile uint32_t *pixels, uint32_t colour,
			uint64_t count);
uint64_t guest_display_span(volatile uint32_t *pixels, uint32_t colour,
			    uint64_t count);

/* A colour for a number; most numbers have different ones. */
uint32_t guest_colour(uint32_t number);

#define GUEST_KEY_DOWN	 0x80000000u
#define GUEST_KEY_KEYSYM 0x1fffffffu

/* The next key event, or 0. */
uint32_t guest_key(void);

#endif
