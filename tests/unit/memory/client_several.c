/* SPDX-License-Identifier: MIT */
/*
 * Several clients: each has bits of its own, over all regions or some, and
 * one harvest feeds them all.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *low, *high;
	struct fake_source fake;
};

static void rig_start(struct rig *rig)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->low = fake_region(rig->memory, 0, 1000);
	rig->high = fake_region(rig->memory, 0x10000000, 70);
	fake_create(&rig->fake, true);
	assert_int_equal(
		smudge_region_attach(rig->low, rig->fake.source, 0, 0, NULL),
		0);
}

static void rig_end(struct rig *rig)
{
	fake_destroy(&rig->fake);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

static void test_a_take_leaves_the_others(void **state)
{
	struct rig rig;
	struct smudge_client *client[3];

	rig_start(&rig);
	for (int i = 0; i < 3; i++)
		client[i] = fake_client(rig.memory, "c", true);
	fake_write(&rig.fake, 7);
	fake_write(&rig.fake, 999);
	smudge_region_mark(rig.low, 500, 2);
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	assert_int_equal(rig.fake.harvests, 1);
	assert_int_equal(fake_take(client[0], rig.low), 4);
	assert_int_equal(smudge_client_dirty_pages(client[0]), 0);
	assert_int_equal(smudge_client_dirty_pages(client[1]), 4);
	assert_true(smudge_client_test(client[2], rig.low, 999));
	assert_int_equal(fake_take(client[1], rig.low), 4);
	assert_int_equal(smudge_client_close(client[1]), 0);
	assert_int_equal(fake_take(client[2], rig.low), 4);
	assert_int_equal(smudge_client_close(client[0]), 0);
	assert_int_equal(smudge_client_close(client[2]), 0);
	rig_end(&rig);
}

static void test_mark_for_one(void **state)
{
	struct rig rig;
	struct smudge_client *one, *two;
	struct smudge_run run;

	rig_start(&rig);
	one = fake_client(rig.memory, "one", true);
	two = fake_client(rig.memory, "two", true);
	assert_int_equal(smudge_client_mark(one, rig.high, 60, 100), 0);
	assert_int_equal(smudge_client_count(one, rig.high, 0, 70), 10);
	assert_true(smudge_client_all(one, rig.high, 60, 10));
	assert_false(smudge_client_any(one, rig.high, 0, 60));
	assert_true(smudge_client_next_dirty(one, rig.high, 0, 100, &run));
	assert_true(run.first_page == 60 && run.npages == 10);
	assert_true(smudge_client_next_clean(one, rig.high, 3, 100, &run));
	assert_true(run.first_page == 3 && run.npages == 57);
	assert_false(smudge_client_any(two, rig.high, 0, 70));
	assert_int_equal(smudge_client_close(one), 0);
	assert_int_equal(smudge_client_close(two), 0);
	rig_end(&rig);
}

static void test_some_regions_only(void **state)
{
	struct rig rig;
	struct smudge_client *display = NULL, *all;
	struct smudge_client_options options = {
		.size = sizeof(options), .name = "display", .nregions = 1};
	struct smudge_run run;

	rig_start(&rig);
	options.regions = &rig.high;
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &display, NULL), 0);
	assert_false(rig.fake.is_running);
	assert_int_equal(smudge_client_dirty_pages(display), 70);
	assert_false(smudge_client_test(display, rig.low, 0));
	assert_false(smudge_client_all(display, rig.low, 0, 1));
	assert_int_equal(smudge_client_count(display, rig.low, 0, 10), 0);
	assert_false(smudge_client_next_dirty(display, rig.low, 0, 9, &run));
	assert_false(smudge_client_next_clean(display, rig.low, 0, 9, &run));
	all = fake_client(rig.memory, "all", true);
	assert_true(rig.fake.is_running);
	smudge_memory_mark_gpa(rig.memory, 0x10000000, 1);
	smudge_memory_mark_gpa(rig.memory, 0, 1);
	assert_int_equal(smudge_client_dirty_pages(all), 2);
	assert_int_equal(smudge_client_dirty_pages(display), 70);
	assert_int_equal(smudge_client_close(all), 0);
	assert_false(rig.fake.is_running);
	assert_int_equal(smudge_client_close(display), 0);
	rig_end(&rig);
}

/* Clients that watch everything watch regions that come later, too. */
static void test_later_regions(void **state)
{
	struct rig rig;
	struct smudge_client *display = NULL, *all;
	struct smudge_client_options options = {
		.size = sizeof(options), .name = "display", .nregions = 1};
	struct smudge_region *later;

	rig_start(&rig);
	options.regions = &rig.high;
	assert_int_equal(
		smudge_client_open(rig.memory, &options, &display, NULL), 0);
	all = fake_client(rig.memory, "all", true);
	later = fake_region(rig.memory, 0x20000000, 33);
	assert_int_equal(smudge_client_dirty_pages(all), 33);
	assert_int_equal(smudge_client_dirty_pages(display), 70);
	assert_int_equal(smudge_region_remove(later, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(all), 0);
	smudge_memory_mark_gpa(rig.memory, 0x20000000, 4096);
	assert_int_equal(smudge_client_dirty_pages(all), 0);
	assert_int_equal(smudge_client_close(all), 0);
	assert_int_equal(smudge_client_close(display), 0);
	rig_end(&rig);
}

TEST_MAIN(test_a_take_leaves_the_others, test_mark_for_one,
	  test_some_regions_only, test_later_regions)
