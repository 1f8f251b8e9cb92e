/* SPDX-License-Identifier: MIT */
/*
 * A display is there from open to close and touches its own region only: with
 * none open no bitmap and no source is left, other clients keep their bits, and
 * the sources of other regions are not harvested.
 */
#include "support.h"

#include "display_rig.h"
#include "fake_source.h"

#define NPAGES 64

static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];

static struct smudge_display_mode small_mode(void)
{
	return rig_mode(8192, 1024, 256, 100); /* pages 2 to 26 */
}

static void test_hundred_viewers(void **state)
{
	struct display_rig rig;
	struct fake_source fake;

	rig_start(&rig, NPAGES, 12);
	fake_create(&fake, true);
	assert_int_equal(
		smudge_region_attach(rig.region, fake.source, 0, 0, NULL), 0);
	for (uint32_t i = 1; i <= 100; i++) {
		struct smudge_memory_stats stats = fake_stats(rig.memory);

		assert_int_equal(stats.bitmap_bytes, 0);
		assert_int_equal(stats.nsources_running, 0);
		rig_open(&rig, small_mode());
		assert_true(fake.is_running);
		assert_true(fake_stats(rig.memory).bitmap_bytes > 0);
		/* the source reports it, not a mark */
		rig_refresh(&rig, rects, 10);
		rig_store(&rig, rig_at(&rig, i, i % 100), i);
		fake_write(&fake, rig_at(&rig, i, i % 100) >> 12);
		assert_int_equal(rig_refresh(&rig, rects, 10), 1);
		rig_close(&rig);
		assert_false(fake.is_running);
		assert_int_equal(fake.starts, i);
		assert_int_equal(fake.stops, i);
	}
	smudge_display_close(NULL);
	fake_destroy(&fake);
	rig_stop(&rig);
}

static void test_other_client(void **state)
{
	struct display_rig rig;
	struct smudge_client *other;

	rig_start(&rig, NPAGES, 12);
	rig_open(&rig, small_mode());
	other = fake_client(rig.memory, "other", true);
	rig_refresh(&rig, rects, 10);
	rig_write(&rig, rig_at(&rig, 7, 50), 1);
	assert_int_equal(rig_refresh(&rig, rects, 10), 1);
	/* and its own take leaves the display's */
	rig_write(&rig, rig_at(&rig, 7, 99), 1);
	assert_true(smudge_client_test(other, rig.region,
				       rig_at(&rig, 7, 50) >> 12));
	assert_int_equal(fake_take(other, rig.region), 2);
	assert_int_equal(rig_refresh(&rig, rects, 10), 1);
	/* set_mode makes pages dirty for the display alone */
	rig_set_mode(&rig, small_mode());
	assert_int_equal(smudge_client_dirty_pages(other), 0);
	rig_refresh(&rig, rects, 10);
	assert_int_equal(smudge_client_close(other), 0);
	rig_stop(&rig);
}

static void test_own_region_only(void **state)
{
	struct display_rig rig;
	struct smudge_region *ram;
	struct smudge_client *other;
	struct smudge_memory_stats before, after;
	struct fake_source fake;

	rig_start(&rig, NPAGES, 12);
	ram = fake_region(rig.memory, UINT64_C(1) << 32, 1 << 20);
	fake_create(&fake, true);
	assert_int_equal(smudge_region_attach(ram, fake.source, 0, 0, NULL), 0);
	rig_open(&rig, small_mode());
	assert_false(fake.is_running);
	other = fake_client(rig.memory, "other", false);
	before = fake_stats(rig.memory);
	rig_refresh(&rig, rects, 10);
	rig_refresh(&rig, rects, 10);
	after = fake_stats(rig.memory);
	assert_int_equal(after.harvests - before.harvests, 2);
	assert_int_equal(after.taken_pages - before.taken_pages, 25);
	assert_int_equal(fake.harvests, 0);
	assert_int_equal(fake.rearms, 0);
	assert_int_equal(smudge_client_dirty_pages(other), NPAGES + (1 << 20));
	assert_int_equal(smudge_client_close(other), 0);
	fake_destroy(&fake);
	rig_stop(&rig);
}

static void test_statistics(void **state)
{
	struct smudge_display_stats stats = {.size = sizeof(stats)};
	struct display_rig rig;

	rig_start(&rig, NPAGES, 12);
	rig_open(&rig, small_mode());
	rig_write(&rig, rig_at(&rig, 0, 0), 1);
	rig_refresh(&rig, rects, 10);
	rig_refresh(&rig, rects, 10);
	rig_write(&rig, rig_at(&rig, 255, 99), 1);
	rig_refresh(&rig, rects, 10);
	assert_int_equal(smudge_display_stats(rig.display, &stats), 0);
	assert_int_equal(stats.refreshes, 3);
	assert_true(stats.refresh_ns > 0);
	assert_int_equal(stats.taken_pages, 26);
	assert_int_equal(stats.compared_bytes, 26 * 4096);
	assert_int_equal(stats.changed_bytes, 2 * 256);
	assert_int_equal(stats.rects, 2);
	rig_stop(&rig);
}

TEST_MAIN(test_hundred_viewers, test_other_client, test_own_region_only,
	  test_statistics)
