/* SPDX-License-Identifier: MIT */
/*
 * Looks: every client is told, nothing is re-armed, by the look or by the
 * takes after it, and so everything comes again. With sources that re-arm as
 * they report and with those that re-arm as pages are taken.
 */
#include "support.h"

#include <errno.h>

#include "armed_source.h"
#include "fake_source.h"

#define NPAGES 200

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *one, *two;
	struct armed_source armed;
};

/* Two clients for whom everything is clean, and armed. */
static void rig_start(struct rig *rig, bool rearms_at_take)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, NPAGES);
	armed_create(&rig->armed, NPAGES, rearms_at_take, true);
	assert_int_equal(smudge_region_attach(rig->region, rig->armed.source, 0,
					      0, NULL),
			 0);
	rig->one = fake_client(rig->memory, "one", true);
	rig->two = fake_client(rig->memory, "two", true);
	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
	assert_int_equal(smudge_client_dirty_pages(rig->one), 0);
	assert_int_equal(smudge_client_dirty_pages(rig->two), 0);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->one), 0);
	assert_int_equal(smudge_client_close(rig->two), 0);
	armed_destroy(&rig->armed);
	assert_int_equal(smudge_memory_destroy(rig->memory), 0);
}

static void look(struct rig *rig)
{
	assert_int_equal(smudge_memory_look(rig->memory, NULL), 0);
}

static void harvest(struct rig *rig)
{
	assert_int_equal(smudge_memory_harvest(rig->memory, NULL), 0);
}

static void comes_again(bool rearms_at_take)
{
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	armed_touch(&rig.armed, 7);
	armed_touch(&rig.armed, 130);
	for (int i = 0; i < 3; i++) {
		look(&rig);
		assert_int_equal(fake_take(rig.one, rig.region), 2);
		assert_int_equal(smudge_client_dirty_pages(rig.two), 2);
	}
	/* Neither did the takes, nor does the other client's. */
	assert_int_equal(fake_take(rig.two, rig.region), 2);
	look(&rig);
	assert_int_equal(smudge_client_dirty_pages(rig.one), 2);
	/* The next harvest reports it once more, and re-arms. */
	assert_int_equal(fake_take(rig.one, rig.region), 2);
	harvest(&rig);
	assert_int_equal(fake_take(rig.one, rig.region), 2);
	harvest(&rig);
	assert_int_equal(smudge_client_dirty_pages(rig.one), 0);
	assert_int_equal(fake_take(rig.two, rig.region), 2);
	rig_end(&rig);
}

static void test_comes_again(void **state)
{
	comes_again(false);
	comes_again(true);
}

/*
 * Pages 3 and 4 were harvested, 5 is seen by the look only. One take gives all
 * three. What the harvest re-armed as it reported is armed; what a take would
 * have re-armed is not, since a look came between.
 */
static void mixed(bool rearms_at_take, uint64_t again)
{
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	armed_touch(&rig.armed, 3);
	armed_touch(&rig.armed, 4);
	harvest(&rig);
	armed_touch(&rig.armed, 5);
	look(&rig);
	assert_int_equal(fake_take(rig.one, rig.region), 3);
	look(&rig);
	assert_int_equal(smudge_client_count(rig.one, rig.region, 3, 2), again);
	assert_true(smudge_client_test(rig.one, rig.region, 5));
	assert_int_equal(smudge_client_dirty_pages(rig.one), again + 1);
	rig_end(&rig);
}

static void test_mixed(void **state)
{
	mixed(false, 0);
	mixed(true, 2);
}

static void test_harvest_after_look(void **state)
{
	struct rig rig;
	uint64_t rearmed;

	rig_start(&rig, true);
	rearmed = rig.armed.nrearmed;
	armed_touch(&rig.armed, 9);
	look(&rig);
	harvest(&rig);
	assert_int_equal(fake_take(rig.one, rig.region), 1);
	assert_int_equal(rig.armed.nrearmed, rearmed + 1);
	assert_false(rig.armed.written[9]);
	rig_end(&rig);
}

/* Unknown means dirty, and it comes again all the same. */
static void test_look_fails(void **state)
{
	struct smudge_error err = {0};
	struct rig rig;

	rig_start(&rig, true);
	armed_touch(&rig.armed, 150);
	rig.armed.look_error = -EREMOTEIO;
	assert_int_equal(smudge_memory_look(rig.memory, &err), -EREMOTEIO);
	assert_string_equal(err.message, "told to stop half way");
	assert_true(smudge_client_all(rig.one, rig.region, 0, NPAGES));
	assert_true(smudge_client_all(rig.two, rig.region, 0, NPAGES));
	rig.armed.look_error = 0;
	assert_int_equal(fake_take(rig.one, rig.region), NPAGES);
	look(&rig);
	assert_true(smudge_client_test(rig.one, rig.region, 150));
	assert_int_equal(smudge_client_dirty_pages(rig.one), 1);
	assert_int_equal(fake_stats(rig.memory).harvest_errors, 1);
	rig_end(&rig);
}

static void test_one_region(void **state)
{
	struct smudge_region *other;
	struct rig rig;

	rig_start(&rig, false);
	other = fake_region(rig.memory, 1 << 30, 10);
	armed_touch(&rig.armed, 2);
	assert_int_equal(smudge_region_look(other, NULL), 0);
	assert_int_equal(rig.armed.looks, 0);
	assert_int_equal(smudge_region_look(rig.region, NULL), 0);
	assert_int_equal(rig.armed.looks, 1);
	assert_true(smudge_client_test(rig.one, rig.region, 2));
	rig_end(&rig);
}

static void test_nobody_watches(void **state)
{
	struct smudge_client_options marks = {
		.size = sizeof(marks), .name = "marks", .marks_only = true};
	struct smudge_client *client = NULL;
	struct rig rig;

	rig_start(&rig, false);
	assert_int_equal(smudge_client_close(rig.one), 0);
	assert_int_equal(smudge_client_close(rig.two), 0);
	look(&rig);
	assert_int_equal(smudge_client_open(rig.memory, &marks, &client, NULL),
			 0);
	look(&rig);
	assert_int_equal(smudge_memory_harvest_quiesced(rig.memory, NULL), 0);
	assert_int_equal(rig.armed.looks, 0);
	assert_int_equal(fake_stats(rig.memory).looks, 0);
	assert_int_equal(smudge_client_close(client), 0);
	rig.one = rig.two = NULL;
	rig_end(&rig);
}

static void test_statistics(void **state)
{
	struct smudge_source_stats source = {.size = sizeof(source)};
	struct smudge_memory_stats before, after;
	struct rig rig;

	rig_start(&rig, false);
	before = fake_stats(rig.memory);
	armed_touch(&rig.armed, 1);
	armed_touch(&rig.armed, 2);
	look(&rig);
	look(&rig);
	after = fake_stats(rig.memory);
	assert_int_equal(after.harvests, before.harvests);
	assert_int_equal(after.harvested_pages, before.harvested_pages);
	assert_int_equal(after.looks, 2);
	assert_int_equal(after.looked_pages, 4);
	assert_true(after.look_ns > 0);
	assert_int_equal(smudge_source_stats(rig.armed.source, &source), 0);
	assert_int_equal(source.looks, 2);
	assert_int_equal(source.looked_pages, 4);
	assert_true(source.look_ns > 0 && source.look_ns <= after.look_ns);
	rig_end(&rig);
}

TEST_MAIN(test_comes_again, test_mixed, test_harvest_after_look,
	  test_look_fails, test_one_region, test_nobody_watches,
	  test_statistics)
