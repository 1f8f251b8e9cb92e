/* SPDX-License-Identifier: MIT */
/*
 * Random modes, writes and room for rectangles against an oracle that looks at
 * every pixel: after each refresh the frame is the screen, every change is
 * inside a rectangle, and pages that were written with their old content yield
 * none.
 */
#include "support.h"

#include "display_rig.h"

#define NPAGES 300

/* Something that fits: often tiny or touching the region's end. */
static struct smudge_display_mode random_mode(const struct display_rig *rig,
					      struct test_rng *rng)
{
	uint32_t width = 1 + (uint32_t)test_rng_below(rng, 500);
	uint32_t height = 1 + (uint32_t)test_rng_below(rng, 160);
	uint64_t size_bytes, room;
	uint32_t stride;

	if (test_rng_below(rng, 8) == 0)
		width = 1 + (uint32_t)test_rng_below(rng, 4);
	if (test_rng_below(rng, 8) == 0)
		height = 1;
	stride = width * 4;
	if (test_rng_below(rng, 4))
		stride += 4 * (uint32_t)test_rng_below(rng, 500);
	size_bytes = (uint64_t)(height - 1) * stride + width * 4;
	while (size_bytes > rig->size_bytes) {
		height /= 2;
		size_bytes = (uint64_t)(height - 1) * stride + width * 4;
	}
	room = rig->size_bytes - size_bytes;
	if (test_rng_below(rng, 4))
		room = test_rng_below(rng, room / 4 + 1) * 4;
	return rig_mode(room, stride, width, height);
}

/* A few pixels in one place, or everywhere; some keep their value. */
static bool draw(struct display_rig *rig, struct test_rng *rng)
{
	uint64_t npixels = rig->size_bytes / 4;
	uint64_t first = test_rng_below(rng, npixels);
	uint64_t spread = 1 + test_rng_below(rng, npixels);
	uint64_t n = test_rng_below(rng, 40);
	bool is_same = test_rng_below(rng, 3) == 0;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t at =
			(first + test_rng_below(rng, spread)) % npixels * 4;

		rig_write(rig, at,
			  rig_load(rig, at) +
				  (is_same ? 0 : (uint32_t)rng->state | 1));
	}
	return n && !is_same;
}

static void run(struct test_rng *rng, unsigned int page_shift)
{
	struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];
	struct display_rig rig;

	rig_start(&rig, NPAGES >> (page_shift - 12), page_shift);
	for (int modes = 0; modes < 40; modes++) {
		struct smudge_display_mode mode = random_mode(&rig, rng);

		if (!rig.display)
			rig_open(&rig, mode);
		else
			rig_set_mode(&rig, mode);
		for (int i = 0; i < 20; i++) {
			bool is_new = rig.is_new;
			bool is_changed = draw(&rig, rng);
			size_t max = 1 + test_rng_below(rng, 40);
			size_t n = rig_refresh(&rig, rects, max);

			assert_true(is_changed || is_new || n == 0);
		}
		if (test_rng_below(rng, 4) == 0)
			rig_close(&rig);
	}
	rig_stop(&rig);
}

static void test_small_pages(void **state)
{
	struct test_rng rng = test_rng_start("display_random");

	for (int i = 0; i < 4; i++)
		run(&rng, 12);
}

static void test_large_pages(void **state)
{
	struct test_rng rng = test_rng_start("display_random large pages");

	run(&rng, 14);
	run(&rng, 18);
}

TEST_MAIN(test_small_pages, test_large_pages)
