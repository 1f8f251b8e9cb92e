/* SPDX-License-Identifier: MIT */
/*
 * A picture that depends on the pass only, with a check of every pixel.
 *
 * The screen is cut into bands of 16 lines. Band B is drawn every 1, 2, 4 or 8
 * passes, by B modulo 4; its generation is the pass rounded down to a multiple
 * of that. Line Y of generation G is of colour(G * 4096 + Y) in even bands, of
 * colour(Y) in odd ones, but for 24 pixels from (G * 5 + Y) modulo the width
 * on, those that fit, which have the other colour: all bits of colour(G * 4096
 * + Y) turned. So even bands are redrawn, and in odd ones a mark moves.
 * colour(N) is the upper 24 bits of N * 0x9e3779b9 modulo 2^32. A line is
 * compared with the generation before it is drawn: damage to the screen, or a
 * part that a migration missed, is detected a few passes later. A test that has
 * the picture and the pass can check it too (tests/e2e/test_all_at_once.py
 * does).
 *
 * Serial output, one line each:
 *   NAME: error pixel X Y expected C found D
 */
#ifndef GUESTS_PICTURE_H
#define GUESTS_PICTURE_H

#include "display.h"

struct picture {
	struct guest_screen screen;
	uint64_t errors;
	uint64_t checked; /* lines so far; the guest may clear it */
};

/* Draw generation 0. False: this machine has no display. */
bool picture_start(struct picture *picture);

/* Draw one pass; they are counted from 1. */
void picture_pass(struct picture *picture, uint64_t pass);

#endif
