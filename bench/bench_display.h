/* SPDX-License-Identifier: MIT */
/*
 * The parts of bench-display. A viewer is one way to find out what has changed
 * on a screen: smudge with one of its ways to detect writes, or a baseline.
 * Each has a screen of its own, on which the same scene is drawn, and a frame
 * that equals the screen after a refresh.
 */
#ifndef BENCH_BENCH_DISPLAY_H
#define BENCH_BENCH_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/display.h>

/* A screen without space between its lines, page aligned. */
struct bench_screen {
	uint32_t *pixels;
	uint32_t width, height;
	/* marks what was drawn; NULL: writes are not marked */
	void (*mark)(void *opaque, uint64_t offset_bytes,
		     uint64_t length_bytes);
	void *opaque;
};

static inline size_t bench_screen_bytes(const struct bench_screen *screen)
{
	return (size_t)screen->width * screen->height * 4;
}

/* Pixels of one line were written. */
static inline void bench_screen_wrote(const struct bench_screen *screen,
				      uint32_t x, uint32_t y, uint32_t npixels)
{
	if (screen->mark)
		screen->mark(screen->opaque,
			     ((uint64_t)y * screen->width + x) * 4,
			     npixels * UINT64_C(4));
}

/* ---- scenes ----------------------------------------------------------- */

struct scene {
	const char *name;
	/* once, before the first refresh; may be NULL */
	void (*start)(const struct bench_screen *screen);
	/* draws moment @moment, from 1 on; NULL: nothing is drawn */
	void (*draw)(const struct bench_screen *screen, uint32_t moment);
	/* an untimed refresh precedes each sample, so that the caches hold
	   what a refresh needs instead of other viewers' screens */
	bool is_warm;
};

extern const struct scene bench_scenes[];
extern const size_t bench_nscenes;

/* ---- viewers ---------------------------------------------------------- */

/* What one refresh did. */
struct refreshed {
	uint64_t bytes_read; /* of the screen */
	uint64_t nrects;
};

struct viewer {
	const char *name;
	/* NULL, with a sentence on stderr, if it cannot work here */
	void *(*create)(struct bench_screen *screen, uint64_t ram_bytes);
	void (*destroy)(void *viewer);
	struct refreshed (*refresh)(void *viewer);
	const uint32_t *(*frame)(void *viewer);
};

extern const struct viewer viewer_smudge_uffd;
extern const struct viewer viewer_smudge_kvm;
extern const struct viewer viewer_smudge_marks;
extern const struct viewer viewer_whole_frame;
extern const struct viewer viewer_per_page;

/* Room for the rectangles of a refresh; they are counted, so none is skipped.
 */
#define BENCH_RECTS SMUDGE_DISPLAY_MAX_RECTS

/* Page-aligned zeros that are not of the heap; exits if there is no memory. */
void *bench_map(size_t bytes, bool is_reserved);

#endif
