/* SPDX-License-Identifier: MIT */
/*
 * What guests draw: nothing, a cursor, a box that moves, text that scrolls, a
 * new picture, and the worst pattern for tracking by pages, one pixel in each.
 */
#include <string.h>

#include "bench_display.h"

#define CELL_WIDTH  8
#define CELL_HEIGHT 16
#define BOX_SIDE    100

static uint32_t *line_of(const struct bench_screen *screen, uint32_t y)
{
	return screen->pixels + (size_t)y * screen->width;
}

static void fill(const struct bench_screen *screen, uint32_t x, uint32_t y,
		 uint32_t width, uint32_t height, uint32_t pixel)
{
	for (uint32_t i = y; i < y + height; i++) {
		for (uint32_t k = x; k < x + width; k++)
			line_of(screen, i)[k] = pixel;
		bench_screen_wrote(screen, x, i, width);
	}
}

static void draw_blink(const struct bench_screen *screen, uint32_t moment)
{
	fill(screen, 40 * CELL_WIDTH, 20 * CELL_HEIGHT, CELL_WIDTH, CELL_HEIGHT,
	     moment % 2 ? 0xffffff : 0);
}

static void start_box(const struct bench_screen *screen)
{
	fill(screen, 0, 0, screen->width, screen->height, 0x202020);
}

static uint32_t box_x(const struct bench_screen *screen, uint32_t moment)
{
	return moment * 8 % (screen->width - BOX_SIDE);
}

static void draw_box(const struct bench_screen *screen, uint32_t moment)
{
	uint32_t y = screen->height / 3 + 5;

	fill(screen, box_x(screen, moment - 1), y, BOX_SIDE, BOX_SIDE,
	     0x202020);
	fill(screen, box_x(screen, moment), y, BOX_SIDE, BOX_SIDE, 0x3366cc);
}

/* Eight pixels of a line of a character, from a hash of where it is. */
static void draw_glyph_line(uint32_t *pixels, uint32_t hash)
{
	for (uint32_t i = 0; i < CELL_WIDTH; i++)
		pixels[i] = hash >> i & 1 ? 0xc0c0c0 : 0;
}

/* A line of text: words and gaps, mostly shorter than the screen is wide. */
static void draw_text(const struct bench_screen *screen, uint32_t row,
		      uint32_t number)
{
	uint32_t ncells = screen->width / CELL_WIDTH;
	uint32_t length = number * 2654435761U % ncells;

	for (uint32_t i = 0; i < CELL_HEIGHT; i++) {
		uint32_t *pixels = line_of(screen, row * CELL_HEIGHT + i);

		memset(pixels, 0, screen->width * UINT32_C(4));
		for (uint32_t cell = 0; cell < length; cell++) {
			uint32_t hash = (number * 977 + cell) * 2654435761U;

			if (hash >> 29)
				draw_glyph_line(pixels + cell * CELL_WIDTH,
						hash >> i);
		}
	}
}

static void start_scroll(const struct bench_screen *screen)
{
	uint32_t nrows = screen->height / CELL_HEIGHT;

	for (uint32_t row = 0; row < nrows; row++)
		draw_text(screen, row, row);
	bench_screen_wrote(screen, 0, 0, screen->width * screen->height);
}

static void draw_scroll(const struct bench_screen *screen, uint32_t moment)
{
	uint32_t nrows = screen->height / CELL_HEIGHT;
	size_t row_pixels = (size_t)screen->width * CELL_HEIGHT;

	memmove(screen->pixels, screen->pixels + row_pixels,
		(nrows - 1) * row_pixels * 4);
	draw_text(screen, nrows - 1, nrows - 1 + moment);
	bench_screen_wrote(screen, 0, 0, (uint32_t)(nrows * row_pixels));
}

static void draw_full(const struct bench_screen *screen, uint32_t moment)
{
	fill(screen, 0, 0, screen->width, screen->height,
	     moment * 2654435761U | 1);
}

static void draw_pixels(const struct bench_screen *screen, uint32_t moment)
{
	size_t npixels = bench_screen_bytes(screen) / 4;

	for (size_t at = moment % 1024; at < npixels; at += 1024) {
		screen->pixels[at] += 1;
		bench_screen_wrote(screen, (uint32_t)(at % screen->width),
				   (uint32_t)(at / screen->width), 1);
	}
}

const struct scene bench_scenes[] = {
	{"idle", start_scroll, NULL, false},
	{"idle-warm", start_scroll, NULL, true},
	{"blink", start_scroll, draw_blink, false},
	{"box", start_box, draw_box, false},
	{"scroll", start_scroll, draw_scroll, false},
	{"full", start_box, draw_full, false},
	{"pixel-a-page", start_scroll, draw_pixels, false},
};
const size_t bench_nscenes = sizeof(bench_scenes) / sizeof(bench_scenes[0]);
