/* SPDX-License-Identifier: MIT */
/*
 * Drawing and checking the picture.
 */
#include "picture.h"

#include "words.h"

#define BAND_LINES  16
#define NPERIODS    4
#define MARK_PIXELS 24
#define MARK_STEP   5
#define GENERATIONS 4096 /* more than a screen has lines */

/* One line of one generation. */
struct line {
	uint32_t y;
	uint32_t colour;
	uint32_t mark_colour;
	uint32_t mark; /* its first pixel */
	uint32_t mark_end;
};

static bool is_even(uint32_t y)
{
	return y / BAND_LINES % 2 == 0;
}

static struct line line_of(const struct picture *picture, uint32_t y,
			   uint64_t generation)
{
	uint32_t own = (uint32_t)generation * GENERATIONS + y;
	struct line line = {.y = y};

	line.colour = guest_colour(is_even(y) ? own : y);
	line.mark_colour = guest_colour(own) ^ 0x00ffffffu;
	line.mark =
		((uint32_t)generation * MARK_STEP + y) % picture->screen.width;
	line.mark_end = line.mark + MARK_PIXELS;
	if (line.mark_end > picture->screen.width)
		line.mark_end = picture->screen.width;
	return line;
}

static void report(struct picture *picture, uint32_t x, uint32_t y,
		   uint32_t expected, uint32_t found)
{
	if (picture->errors++ >= GUEST_ERRORS_SHOWN)
		return;
	guest_begin_error("pixel ");
	guest_put_number(x);
	guest_put_text(" ");
	guest_put_number(y);
	guest_end_error(" expected ", expected, found);
}

static void check_pixels(struct picture *picture, uint32_t y, uint32_t x,
			 uint32_t end, uint32_t colour)
{
	volatile uint32_t *pixels = guest_display_line(&picture->screen, y);

	while ((x += (uint32_t)guest_display_span(pixels + x, colour,
						  end - x)) < end) {
		report(picture, x, y, colour, pixels[x]);
		x++;
	}
}

static void check_line(struct picture *picture, const struct line *line)
{
	uint32_t width = picture->screen.width;

	check_pixels(picture, line->y, 0, line->mark, line->colour);
	check_pixels(picture, line->y, line->mark, line->mark_end,
		     line->mark_colour);
	check_pixels(picture, line->y, line->mark_end, width, line->colour);
	picture->checked++;
}

/* In odd bands only the pixels that differ from the generation before. */
static void draw_line(const struct picture *picture, const struct line *line,
		      const struct line *before)
{
	volatile uint32_t *pixels =
		guest_display_line(&picture->screen, line->y);

	if (!before || is_even(line->y))
		guest_display_fill(pixels, line->colour, picture->screen.width);
	else
		guest_display_fill(pixels + before->mark, line->colour,
				   before->mark_end - before->mark);
	guest_display_fill(pixels + line->mark, line->mark_colour,
			   line->mark_end - line->mark);
}

bool picture_start(struct picture *picture)
{
	*picture = (struct picture){0};
	if (!guest_display_find(&picture->screen))
		return false;
	for (uint32_t y = 0; y < picture->screen.height; y++) {
		struct line line = line_of(picture, y, 0);

		draw_line(picture, &line, NULL);
	}
	return true;
}

void picture_pass(struct picture *picture, uint64_t pass)
{
	for (uint32_t y = 0; y < picture->screen.height; y++) {
		uint64_t period = UINT64_C(1) << y / BAND_LINES % NPERIODS;
		struct line before, line;

		if (pass % period)
			continue;
		before = line_of(picture, y, pass - period);
		line = line_of(picture, y, pass);
		check_line(picture, &before);
		draw_line(picture, &line, &before);
	}
}
