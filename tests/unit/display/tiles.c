/* SPDX-License-Identifier: MIT */
/*
 * Random maps of changed tiles: with room enough the rectangles are exactly
 * the tiles, each once; with less they still cover all of them.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

#include "display/tiles.h"

#define MAX_COLUMNS 256
#define MAX_ROWS    40

struct shadow {
	uint32_t width, height; /* pixels */
	uint32_t ncolumns, nrows;
	bool changed[MAX_ROWS][MAX_COLUMNS];
	unsigned int covered[MAX_ROWS][MAX_COLUMNS];
};

static struct smi_tiles tiles;
static struct shadow shadow;

static void start(uint32_t width, uint32_t height)
{
	const struct smudge_rect all = {0, 0, width, height};
	struct smudge_rect rect;

	smi_tiles_init(&tiles, width, height);
	assert_int_equal(smi_tiles_return_rects(&tiles, &rect, 1), 1);
	assert_memory_equal(&rect, &all, sizeof(all));
	memset(&shadow, 0, sizeof(shadow));
	shadow.width = width;
	shadow.height = height;
	shadow.ncolumns = (width + SMI_TILE_WIDTH - 1) / SMI_TILE_WIDTH;
	shadow.nrows = (height + SMI_TILE_HEIGHT - 1) / SMI_TILE_HEIGHT;
}

static void set(uint32_t column, uint32_t row)
{
	smi_tiles_set(&tiles, column, row);
	shadow.changed[row][column] = true;
}

/* The edge at @tile, or the picture's where it ends within the tile. */
static void assert_edge(uint32_t end, uint32_t unit, uint32_t limit)
{
	assert_true(end == limit || (end % unit == 0 && end < limit));
}

static void cover(const struct smudge_rect *rect)
{
	uint32_t right = rect->x + rect->width;
	uint32_t bottom = rect->y + rect->height;

	assert_int_equal(rect->x % SMI_TILE_WIDTH, 0);
	assert_int_equal(rect->y % SMI_TILE_HEIGHT, 0);
	assert_edge(right, SMI_TILE_WIDTH, shadow.width);
	assert_edge(bottom, SMI_TILE_HEIGHT, shadow.height);
	for (uint32_t y = rect->y; y < bottom; y += SMI_TILE_HEIGHT)
		for (uint32_t x = rect->x; x < right; x += SMI_TILE_WIDTH)
			shadow.covered[y / SMI_TILE_HEIGHT]
				      [x / SMI_TILE_WIDTH]++;
}

static size_t give(size_t max)
{
	static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];
	size_t n = smi_tiles_return_rects(&tiles, rects, max);
	size_t cap =
		max < SMUDGE_DISPLAY_MAX_RECTS ? max : SMUDGE_DISPLAY_MAX_RECTS;

	assert_true(n <= cap);
	memset(shadow.covered, 0, sizeof(shadow.covered));
	for (size_t i = 0; i < n; i++)
		cover(&rects[i]);
	for (uint32_t y = 0; y < shadow.nrows; y++) {
		for (uint32_t x = 0; x < shadow.ncolumns; x++) {
			/* not full: nothing was merged for want of room */
			if (n < cap)
				assert_int_equal(shadow.covered[y][x],
						 shadow.changed[y][x]);
			else if (shadow.changed[y][x])
				assert_true(shadow.covered[y][x] > 0);
		}
	}
	memset(shadow.changed, 0, sizeof(shadow.changed));
	assert_int_equal(smi_tiles_return_rects(&tiles, rects, 1), 0);
	return n;
}

static void test_random(void **state)
{
	struct test_rng rng = test_rng_start("display_tiles");

	for (int i = 0; i < 400; i++) {
		start(1 + (uint32_t)test_rng_below(&rng, 64 * MAX_COLUMNS),
		      1 + (uint32_t)test_rng_below(&rng, 16 * MAX_ROWS));
		for (int k = 0; k < 4; k++) {
			uint64_t n = test_rng_below(&rng, 200);

			while (n--)
				set((uint32_t)test_rng_below(&rng,
							     shadow.ncolumns),
				    (uint32_t)test_rng_below(&rng,
							     shadow.nrows));
			give(1 + test_rng_below(&rng, 400));
		}
	}
}

/* One thing drawn is one rectangle. */
static void test_boxes(void **state)
{
	start(64 * 100, 16 * 20);
	for (uint32_t row = 3; row < 9; row++)
		for (uint32_t column = 60; column < 70; column++)
			set(column, row);
	assert_int_equal(give(100), 1);
	for (uint32_t row = 0; row < 20; row++)
		set(99, row);
	for (uint32_t row = 0; row < 20; row++)
		set(0, row);
	assert_int_equal(give(100), 2);
	set(0, 0);
	set(99, 19);
	assert_int_equal(give(1), 1);
	assert_int_equal(give(100), 0);
}

/* The worst map, and room for more rectangles than are ever returned. */
static void test_chequers(void **state)
{
	start(64 * MAX_COLUMNS, 16 * MAX_ROWS);
	for (uint32_t row = 0; row < MAX_ROWS; row++)
		for (uint32_t column = row % 2; column < MAX_COLUMNS;
		     column += 2)
			set(column, row);
	assert_int_equal(give(100000), SMUDGE_DISPLAY_MAX_RECTS);
}

TEST_MAIN(test_random, test_boxes, test_chequers)
