/* SPDX-License-Identifier: MIT */
/*
 * Modes and pages that do not fit each other: pages shared by lines, lines
 * over several pages, space between lines, the region's last byte, modes that
 * shrink and grow, and the widest and highest there are.
 */
#include "support.h"

#include "display_rig.h"

static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];

static uint64_t compared(const struct display_rig *rig)
{
	struct smudge_display_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_display_stats(rig->display, &stats), 0);
	return stats.compared_bytes;
}

/* Refresh, and nothing but one tile has changed. */
static void assert_tile(struct display_rig *rig, uint32_t x, uint32_t y,
			uint32_t width, uint32_t height)
{
	const struct smudge_rect tile = {x, y, width, height};

	assert_int_equal(rig_refresh(rig, rects, 10), 1);
	assert_memory_equal(&rects[0], &tile, sizeof(tile));
}

static void test_page_of_two_lines(void **state)
{
	struct display_rig rig;
	uint64_t before;

	/* page 1 is pixels 1000 to 1023 of line 0 and 0 to 999 of line 1 */
	rig_start(&rig, 10, 12);
	rig_open(&rig, rig_mode(96, 4096, 1024, 8));
	rig_refresh(&rig, rects, 10);
	before = compared(&rig);
	rig_write(&rig, rig_at(&rig, 1023, 0), 1);
	assert_tile(&rig, 960, 0, 64, 8);
	assert_int_equal(compared(&rig) - before, 4096);
	rig_write(&rig, rig_at(&rig, 0, 1), 2);
	assert_tile(&rig, 0, 0, 64, 8);
	assert_int_equal(compared(&rig) - before, 2 * 4096);
	rig_stop(&rig);
}

static void test_line_of_many_pages(void **state)
{
	struct display_rig rig;

	/* lines of 4.9 pages, the first page begins in the middle */
	rig_start(&rig, 100, 12);
	rig_open(&rig, rig_mode(2048, 20000, 5000, 20));
	rig_refresh(&rig, rects, 10);
	for (uint32_t x = 0; x < 5000; x += 499) {
		rig_write(&rig, rig_at(&rig, x, 17), x + 1);
		assert_tile(&rig, x / 64 * 64, 16, x >= 4992 ? 8 : 64, 4);
	}
	rig_stop(&rig);
}

static void test_between_lines(void **state)
{
	struct display_rig rig;
	uint64_t before;

	/* each line has a page, and the next page is not shown */
	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(0, 8192, 1024, 32));
	rig_refresh(&rig, rects, 10);
	before = compared(&rig);
	for (uint64_t page = 1; page < 64; page += 2)
		rig_write(&rig, page << 12, 1);
	assert_int_equal(rig_refresh(&rig, rects, 10), 0);
	assert_int_equal(compared(&rig), before);
	rig_write(&rig, rig_at(&rig, 1023, 31), 1);
	assert_tile(&rig, 960, 16, 64, 16);
	rig_stop(&rig);
}

static void test_last_byte(void **state)
{
	struct display_rig rig;

	/* 31 whole strides, and a last line that ends with the region */
	rig_start(&rig, 64, 12);
	rig_open(&rig, rig_mode(4096, 8192, 1024, 32));
	rig_refresh(&rig, rects, 10);
	rig_write(&rig, rig.size_bytes - 4, 1);
	assert_tile(&rig, 960, 16, 64, 16);
	/* one pixel, the last */
	rig_set_mode(&rig, rig_mode(rig.size_bytes - 4, UINT32_MAX - 3, 1, 1));
	rig_refresh(&rig, rects, 1);
	rig_write(&rig, rig.size_bytes - 4, 2);
	assert_tile(&rig, 0, 0, 1, 1);
	rig_stop(&rig);
}

/* What was drawn while it was not shown is there when it is. */
static void test_shrink_and_grow(void **state)
{
	const struct smudge_display_mode large = rig_mode(0, 1280, 320, 200);
	const struct smudge_display_mode small = rig_mode(40000, 400, 100, 30);
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	rig_open(&rig, large);
	rig_refresh(&rig, rects, 10);
	for (uint32_t i = 0; i < 10; i++) {
		rig_set_mode(&rig, i % 2 ? large : small);
		rig_write(&rig, 4, i + 1);
		rig_write(&rig, 40000, i + 1);
		rig_refresh(&rig, rects, 10);
		assert_int_equal(rig_refresh(&rig, rects, 10), 0);
	}
	/* a mode set twice before a refresh, and the same again */
	rig_set_mode(&rig, small);
	rig_set_mode(&rig, large);
	rig_refresh(&rig, rects, 10);
	rig_set_mode(&rig, large);
	rig_refresh(&rig, rects, 10);
	rig_stop(&rig);
}

static void test_largest_sides(void **state)
{
	const uint32_t most = SMUDGE_DISPLAY_MAX_SIDE;
	struct display_rig rig;

	rig_start(&rig, 2048, 12);
	rig_open(&rig, rig_mode(0, most * 4, most, 17));
	rig_refresh(&rig, rects, 10);
	rig_write(&rig, rig_at(&rig, most - 1, 16), 1);
	assert_tile(&rig, most - 64, 16, 64, 1);
	rig_set_mode(&rig, rig_mode(0, 65 * 4, 65, most));
	rig_refresh(&rig, rects, 10);
	rig_write(&rig, rig_at(&rig, 64, most - 1), 1);
	assert_tile(&rig, 64, most - 16, 1, 16);
	rig_stop(&rig);
}

TEST_MAIN(test_page_of_two_lines, test_line_of_many_pages, test_between_lines,
	  test_last_byte, test_shrink_and_grow, test_largest_sides)
