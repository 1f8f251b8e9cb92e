/* SPDX-License-Identifier: MIT */
/*
 * A source that cannot re-arm: -EIO, and nothing is lost. On a screen with more
 * runs of pages than one take holds, a part was taken and compared before the
 * failure: the next refresh returns it.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/source.h>

#include "display_rig.h"
#include "idle_source.h"

/* Knows nothing; re-arms until @rearms_left is 0. */
struct weary_source {
	struct smudge_source *source;
	unsigned int rearms_left;
};

static int rearm(void *opaque, const struct smudge_batch *batch,
		 struct smudge_error *err)
{
	struct weary_source *weary = opaque;

	if (!weary->rearms_left)
		return smudge_error_set(err, -EIO, "weary", "re-armed enough");
	weary->rearms_left--;
	return 0;
}

static void attach(struct weary_source *weary, struct display_rig *rig)
{
	const struct smudge_source_ops ops = {
		.size = sizeof(ops),
		.name = "weary",
		.start = idle_start,
		.stop = idle_stop,
		.harvest = idle_harvest,
		.rearm = rearm,
	};

	assert_int_equal(
		smudge_source_create(&ops, weary, &weary->source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(rig->region, weary->source, 0, 0, NULL),
		0);
}

static void refresh_fails(struct display_rig *rig)
{
	struct smudge_error err = {0};
	struct smudge_rect rects[4];
	size_t n = 77;

	assert_int_equal(
		smudge_display_refresh(rig->display, rects, 4, &n, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_int_equal(err.region, smudge_region_id(rig->region));
	assert_int_equal(n, 77);
}

static void test_rearm(void **state)
{
	struct weary_source weary = {.rearms_left = 1};
	struct smudge_rect rects[4];
	struct display_rig rig;

	rig_start(&rig, 64, 12);
	attach(&weary, &rig);
	rig_open(&rig, rig_mode(0, 1024, 256, 256));
	rig_refresh(&rig, rects, 4);
	rig_write(&rig, rig_at(&rig, 1, 1), 1);
	refresh_fails(&rig);
	refresh_fails(&rig);
	weary.rearms_left = 1;
	assert_int_equal(rig_refresh(&rig, rects, 4), 1);
	rig_close(&rig);
	smudge_source_destroy(weary.source);
	rig_stop(&rig);
}

/* A pixel in every second page of 12000: more runs than a batch has. */
static void test_rearm_half_way(void **state)
{
	struct weary_source weary = {.rearms_left = 1};
	struct smudge_display_stats before = {.size = sizeof(before)}, after;
	static struct smudge_rect rects[SMUDGE_DISPLAY_MAX_RECTS];
	const uint32_t nlines = 3000;
	struct display_rig rig;

	rig_start(&rig, 12000, 12);
	attach(&weary, &rig);
	rig_open(&rig, rig_mode(0, 16384, 4096, nlines));
	rig_refresh(&rig, rects, 1);
	for (uint64_t page = 0; page < 12000; page += 2)
		rig_write(&rig, page << 12, 1);
	weary.rearms_left = 1;
	assert_int_equal(smudge_display_stats(rig.display, &before), 0);
	refresh_fails(&rig);
	after = before;
	assert_int_equal(smudge_display_stats(rig.display, &after), 0);
	/* or else this test tests nothing */
	assert_true(after.changed_bytes > before.changed_bytes);
	weary.rearms_left = 100;
	assert_true(rig_refresh(&rig, rects, SMUDGE_DISPLAY_MAX_RECTS) > 0);
	assert_int_equal(rig_refresh(&rig, rects, 4), 0);
	rig_close(&rig);
	smudge_source_destroy(weary.source);
	rig_stop(&rig);
}

TEST_MAIN(test_rearm, test_rearm_half_way)
