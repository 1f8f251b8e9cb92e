/* SPDX-License-Identifier: MIT */
/*
 * Other ways to refresh a screen, written from the idea only.
 *
 * whole-frame: writes are not detected, so every refresh compares the whole
 * screen with the last frame, as simple monitors do for their VNC servers.
 *
 * per-page: the program marks pages in a flat bitmap. A refresh tests each
 * line, with one call per page, compares the lines that are dirty, and then
 * clears the bits it saw, as QEMU's graphic cards do.
 *
 * Both compare a whole line first, and tile by tile only if it differs: the
 * fastest way known here, so that the comparison is fair.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench_display.h"

#define TILE_WIDTH  64
#define TILE_HEIGHT 16
#define MAX_TILES   256 /* in a row */

struct baseline {
	struct bench_screen *screen;
	uint32_t *frame;
	uint8_t changed[MAX_TILES]; /* of the present row of tiles */
	struct smudge_rect rects[BENCH_RECTS];
	uint64_t nrects;
	uint64_t bytes_read;
	uint64_t npages;
	_Atomic uint64_t *dirty; /* per-page only */
	uint64_t *seen;		 /* dirty, moved here by a refresh */
};

static void compare_line(struct baseline *b, uint32_t y)
{
	uint32_t width = b->screen->width;
	const uint32_t *guest = b->screen->pixels + (size_t)y * width;
	uint32_t *frame = b->frame + (size_t)y * width;

	b->bytes_read += width * UINT64_C(4);
	if (memcmp(guest, frame, width * UINT64_C(4)) == 0)
		return;
	for (uint32_t x = 0; x < width; x += TILE_WIDTH) {
		uint32_t n = width - x < TILE_WIDTH ? width - x : TILE_WIDTH;

		if (memcmp(guest + x, frame + x, n * UINT64_C(4)) == 0)
			continue;
		memcpy(frame + x, guest + x, n * UINT64_C(4));
		b->changed[x / TILE_WIDTH] = 1;
	}
}

static void give_rect(struct baseline *b, uint32_t tile, uint32_t end,
		      uint32_t y)
{
	b->rects[b->nrects++ % BENCH_RECTS] = (struct smudge_rect){
		.x = tile * TILE_WIDTH,
		.y = y,
		.width = (end - tile) * TILE_WIDTH,
		.height = TILE_HEIGHT,
	};
}

/* The changed tiles of a row; neighbours become one rectangle. */
static void give_row(struct baseline *b, uint32_t y)
{
	uint32_t ntiles = (b->screen->width + TILE_WIDTH - 1) / TILE_WIDTH;

	for (uint32_t tile = 0; tile < ntiles; tile++) {
		uint32_t end = tile;

		while (end < ntiles && b->changed[end])
			end++;
		if (end > tile)
			give_rect(b, tile, end, y);
		tile = end;
	}
	memset(b->changed, 0, sizeof(b->changed));
}

/* Compare every line, or those that @wants selects, by rows of tiles. */
static struct refreshed compare_lines(struct baseline *b,
				      bool (*wants)(const struct baseline *b,
						    uint32_t y))
{
	b->nrects = b->bytes_read = 0;
	for (uint32_t y = 0; y < b->screen->height; y++) {
		if (!wants || wants(b, y))
			compare_line(b, y);
		if (y % TILE_HEIGHT == TILE_HEIGHT - 1 ||
		    y == b->screen->height - 1)
			give_row(b, y / TILE_HEIGHT * TILE_HEIGHT);
	}
	return (struct refreshed){b->bytes_read, b->nrects};
}

static struct refreshed refresh_whole(void *opaque)
{
	return compare_lines(opaque, NULL);
}

/* ---- page by page ----------------------------------------------------- */

static void mark(void *opaque, uint64_t offset_bytes, uint64_t length_bytes)
{
	struct baseline *b = opaque;
	uint64_t last = (offset_bytes + length_bytes - 1) >> 12;

	for (uint64_t page = offset_bytes >> 12; page <= last; page++)
		atomic_fetch_or_explicit(&b->dirty[page / 64],
					 UINT64_C(1) << page % 64,
					 memory_order_relaxed);
}

__attribute__((noinline)) static bool is_dirty(const struct baseline *b,
					       uint64_t page)
{
	return b->seen[page / 64] >> (page % 64) & 1;
}

static bool is_line_dirty(const struct baseline *b, uint32_t y)
{
	uint64_t line_bytes = b->screen->width * UINT64_C(4);
	uint64_t last = ((y + 1) * line_bytes - 1) >> 12;

	for (uint64_t page = y * line_bytes >> 12; page <= last; page++)
		if (is_dirty(b, page))
			return true;
	return false;
}

static struct refreshed refresh_pages(void *opaque)
{
	struct baseline *b = opaque;

	for (uint64_t i = 0; i < (b->npages + 63) / 64; i++)
		b->seen[i] = atomic_exchange_explicit(&b->dirty[i], 0,
						      memory_order_seq_cst);
	return compare_lines(b, is_line_dirty);
}

static void *create_whole(struct bench_screen *screen, uint64_t ram_bytes)
{
	struct baseline *b = calloc(1, sizeof(*b));

	if (!b)
		exit(1);
	b->screen = screen;
	b->frame = bench_map(bench_screen_bytes(screen), true);
	return b;
}

static void *create_pages(struct bench_screen *screen, uint64_t ram_bytes)
{
	struct baseline *b = create_whole(screen, ram_bytes);

	b->npages = (bench_screen_bytes(screen) + 4095) >> 12;
	b->dirty = calloc(b->npages / 64 + 1, 8);
	b->seen = calloc(b->npages / 64 + 1, 8);
	if (!b->dirty || !b->seen)
		exit(1);
	screen->mark = mark;
	screen->opaque = b;
	mark(b, 0, bench_screen_bytes(screen));
	return b;
}

static void destroy(void *opaque)
{
	struct baseline *b = opaque;

	munmap(b->frame, bench_screen_bytes(b->screen));
	free((void *)b->dirty);
	free(b->seen);
	free(b);
}

static const uint32_t *frame(void *opaque)
{
	return ((struct baseline *)opaque)->frame;
}

const struct viewer viewer_whole_frame = {
	.name = "whole-frame",
	.create = create_whole,
	.destroy = destroy,
	.refresh = refresh_whole,
	.frame = frame,
};

const struct viewer viewer_per_page = {
	.name = "per-page",
	.create = create_pages,
	.destroy = destroy,
	.refresh = refresh_pages,
	.frame = frame,
};
