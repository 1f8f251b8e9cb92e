/* SPDX-License-Identifier: MIT */
/*
 * paint's scene for people: a title, the number of the frame in large digits,
 * and a box that goes to and fro below. Each frame changes the digits and a
 * strip at either side of the box, and no pixel twice: a viewer never sees half
 * of a frame's number blank.
 *
 * Everything is in units: the screen is 160 wide and 100 high, or the part of
 * it that fits.
 */
#include "paint.h"

#define WIDTH_UNITS   160
#define HEIGHT_UNITS  100
#define MARGIN	      8
#define TITLE_Y	      6
#define TITLE_SCALE   2
#define LABEL_Y	      24
#define NUMBER_Y      34
#define NUMBER_SCALE  5
#define NUMBER_WIDTH  150 /* of all digits */
#define MIN_DIGITS    5	  /* so many fit at the largest scale */
#define MAX_DIGITS    10
#define BOX_Y	      78
#define BOX_SIDE      16
#define BOX_STEP      2
#define NUMBER_COLOUR 0x00f0c040u

static uint32_t unit_of(const struct guest_screen *screen)
{
	uint32_t wide = screen->width / WIDTH_UNITS;
	uint32_t high = screen->height / HEIGHT_UNITS;
	uint32_t unit = wide < high ? wide : high;

	return unit ? unit : 1;
}

/* A character whose dots have @scale pixels at each side. */
static void letter(const struct guest_screen *screen, uint32_t x, uint32_t y,
		   uint32_t scale, char c, uint32_t colour)
{
	const uint8_t *glyph = paint_glyph(c);

	for (uint32_t row = 0; row < PAINT_GLYPH_HEIGHT; row++)
		for (uint32_t column = 0; column < PAINT_GLYPH_WIDTH; column++)
			paint_fill(
				screen, x + column * scale, y + row * scale,
				scale, scale,
				glyph[row] >> (PAINT_GLYPH_WIDTH - 1 - column) &
						1
					? colour
					: PAINT_BACKGROUND);
}

static void text(const struct guest_screen *screen, uint32_t x, uint32_t y,
		 uint32_t scale, const char *words, uint32_t colour)
{
	for (; *words; words++, x += (PAINT_GLYPH_WIDTH + 1) * scale)
		letter(screen, x, y, scale, *words, colour);
}

static unsigned int count_digits(uint32_t number)
{
	unsigned int n = 1;

	while (number /= 10)
		n++;
	return n < MIN_DIGITS ? MIN_DIGITS : n;
}

static void draw_number(const struct paint *paint, uint32_t unit)
{
	char digits[MAX_DIGITS + 1];
	unsigned int n = paint->show_digits;
	uint32_t number = paint->number;
	uint32_t scale = NUMBER_WIDTH * unit / (n * (PAINT_GLYPH_WIDTH + 1));

	if (!scale || scale > NUMBER_SCALE * unit)
		scale = NUMBER_SCALE * unit;
	digits[n] = '\0';
	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (n)
		digits[--n] = ' ';
	text(&paint->screen, MARGIN * unit, NUMBER_Y * unit, scale, digits,
	     NUMBER_COLOUR);
}

/* Where the box is in a frame. */
static uint32_t box_x(uint32_t number, uint32_t range, uint32_t step)
{
	uint32_t way = (uint32_t)((uint64_t)number * step % (2 * range));

	return way < range ? way : 2 * range - way;
}

static void move_box(const struct paint *paint, uint32_t unit)
{
	const struct guest_screen *screen = &paint->screen;
	uint32_t side = BOX_SIDE * unit;
	uint32_t range = screen->width > side ? screen->width - side : 1;
	uint32_t from = box_x(paint->number - 1, range, BOX_STEP * unit);
	uint32_t to = box_x(paint->number, range, BOX_STEP * unit);

	paint_fill(screen, to, BOX_Y * unit, side, side, PAINT_BOX_COLOUR);
	if (to > from)
		paint_fill(screen, from, BOX_Y * unit, to - from, side,
			   PAINT_BACKGROUND);
	else
		paint_fill(screen, to + side, BOX_Y * unit, from - to, side,
			   PAINT_BACKGROUND);
}

static void lay_out(const struct paint *paint, uint32_t unit)
{
	const struct guest_screen *screen = &paint->screen;

	paint_fill(screen, 0, 0, screen->width, screen->height,
		   PAINT_BACKGROUND);
	text(screen, MARGIN * unit, TITLE_Y * unit, TITLE_SCALE * unit,
	     "smudge paint", PAINT_FOREGROUND);
	text(screen, MARGIN * unit, LABEL_Y * unit, unit, "frame",
	     PAINT_FOREGROUND);
}

void paint_show(struct paint *paint)
{
	uint32_t unit = unit_of(&paint->screen);
	unsigned int ndigits = count_digits(paint->number);

	if (paint->show_digits != ndigits)
		lay_out(paint, unit);
	paint->show_digits = ndigits;
	draw_number(paint, unit);
	move_box(paint, unit);
}
