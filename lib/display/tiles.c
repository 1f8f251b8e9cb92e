/* SPDX-License-Identifier: MIT */
/*
 * Changed tiles become few rectangles.
 *
 * Row by row, each run of changed tiles either extends the rectangle that ends
 * right above it and has the same sides, or becomes a new rectangle. When the
 * array is full, the run is added to the rectangle that grows least by it.
 * Cost: the number of runs times that of rectangles, which are at most
 * SMUDGE_DISPLAY_MAX_RECTS.
 */
#include "display/tiles.h"

#include <stdbool.h>
#include <string.h>

struct rect_list {
	struct smudge_rect *rects;
	size_t n, max;
};

static uint32_t count_rows(const struct smi_tiles *tiles)
{
	return (tiles->height + SMI_TILE_HEIGHT - 1) / SMI_TILE_HEIGHT;
}

static uint32_t count_columns(const struct smi_tiles *tiles)
{
	return (tiles->width + SMI_TILE_WIDTH - 1) / SMI_TILE_WIDTH;
}

static void forget(struct smi_tiles *tiles)
{
	tiles->first_row = SMI_TILE_ROWS;
	tiles->end_row = 0;
}

void smi_tiles_init(struct smi_tiles *tiles, uint32_t width, uint32_t height)
{
	memset(tiles, 0, sizeof(*tiles));
	tiles->width = width;
	tiles->height = height;
	forget(tiles);
	for (uint32_t row = 0; row < count_rows(tiles); row++)
		for (uint32_t x = 0; x < count_columns(tiles); x++)
			smi_tiles_set(tiles, x, row);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static struct smudge_rect join(struct smudge_rect a, struct smudge_rect b)
{
	struct smudge_rect both = {.x = least(a.x, b.x), .y = least(a.y, b.y)};

	both.width = most(a.x + a.width, b.x + b.width) - both.x;
	both.height = most(a.y + a.height, b.y + b.height) - both.y;
	return both;
}

static uint64_t area(struct smudge_rect rect)
{
	return (uint64_t)rect.width * rect.height;
}

/* The rectangle whose area grows least when it is joined with @rect. */
static size_t find_cheapest(const struct rect_list *list,
			    struct smudge_rect rect)
{
	uint64_t least_growth = UINT64_MAX;
	size_t found = 0;

	for (size_t i = 0; i < list->n; i++) {
		struct smudge_rect old = list->rects[i];
		uint64_t growth = area(join(old, rect)) - area(old);

		if (growth < least_growth) {
			least_growth = growth;
			found = i;
		}
	}
	return found;
}

static bool continues(struct smudge_rect above, struct smudge_rect rect)
{
	return above.x == rect.x && above.width == rect.width &&
	       above.y + above.height == rect.y;
}

static void add_rect(struct rect_list *list, struct smudge_rect rect)
{
	size_t i = 0;

	while (i < list->n && !continues(list->rects[i], rect))
		i++;
	if (i == list->n && list->n == list->max)
		i = find_cheapest(list, rect);
	if (i < list->n)
		list->rects[i] = join(list->rects[i], rect);
	else
		list->rects[list->n++] = rect;
}

/* The first column from @at on whose bit is @is_set, or @end. */
static uint32_t find_column(const uint64_t *row, uint32_t at, uint32_t end,
			    bool is_set)
{
	while (at < end) {
		uint64_t word = is_set ? row[at / 64] : ~row[at / 64];

		word &= ~UINT64_C(0) << (at % 64);
		if (word)
			return least(end,
				     (at & ~63U) +
					     (uint32_t)__builtin_ctzll(word));
		at = (at | 63) + 1;
	}
	return end;
}

static void add_row(const struct smi_tiles *tiles, uint32_t row,
		    struct rect_list *list)
{
	const uint64_t *changed = tiles->changed[row];
	uint32_t end = count_columns(tiles);
	uint32_t y = row * SMI_TILE_HEIGHT;
	uint32_t at = find_column(changed, 0, end, true);

	while (at < end) {
		uint32_t stop = find_column(changed, at, end, false);
		uint32_t x = at * SMI_TILE_WIDTH;
		struct smudge_rect rect = {
			.x = x,
			.y = y,
			.width = least(stop * SMI_TILE_WIDTH, tiles->width) - x,
			.height = least(SMI_TILE_HEIGHT, tiles->height - y),
		};

		add_rect(list, rect);
		at = find_column(changed, stop, end, true);
	}
}

size_t smi_tiles_return_rects(struct smi_tiles *tiles,
			      struct smudge_rect *rects, size_t max)
{
	struct rect_list list = {.rects = rects, .max = max};

	if (list.max > SMUDGE_DISPLAY_MAX_RECTS)
		list.max = SMUDGE_DISPLAY_MAX_RECTS;
	for (uint32_t row = tiles->first_row; row < tiles->end_row; row++) {
		add_row(tiles, row, &list);
		memset(tiles->changed[row], 0, sizeof(tiles->changed[row]));
	}
	forget(tiles);
	return list.n;
}
