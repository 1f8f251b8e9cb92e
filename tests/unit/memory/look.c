/* SPDX-License-Identifier: MIT */
/*
 * Looks: every client receives what a look found. Neither the look nor the
 * takes after it re-arm, so everything is reported again. With sources that
 * re-arm as they report and with those that re-arm as pages are taken.
 */
#include "support.h"

#include <errno.h>

#include "armed_source.h"
#include "fake_source.h"
#include "fixture.h"

#define NPAGES 200

struct rig {
	struct fixture f; /* of the first client */
	struct smudge_client *two;
	struct armed_source armed;
};

/* Two clients for whom everything is clean, and armed. */
static void rig_start(struct rig *rig, bool rearms_at_take)
{
	fixture_open(&rig->f, NPAGES);
	armed_create(&rig->armed, NPAGES, rearms_at_take, true);
	fixture_attach(&rig->f, rig->armed.source);
	fixture_watch(&rig->f, true);
	rig->two = fake_client(rig->f.memory, "two", true);
	fixture_harvest(&rig->f);
	assert_int_equal(smudge_client_dirty_pages(rig->f.client), 0);
	assert_int_equal(smudge_client_dirty_pages(rig->two), 0);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->two), 0);
	armed_destroy(&rig->armed);
	fixture_close(&rig->f);
}

static void comes_again(bool rearms_at_take)
{
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	armed_touch(&rig.armed, 7);
	armed_touch(&rig.armed, 130);
	for (int i = 0; i < 3; i++) {
		fixture_look(&rig.f);
		assert_int_equal(fake_take(rig.f.client, rig.f.region), 2);
		assert_int_equal(smudge_client_dirty_pages(rig.two), 2);
	}
	/* No take re-armed, and the other client's take does not either. */
	assert_int_equal(fake_take(rig.two, rig.f.region), 2);
	fixture_look(&rig.f);
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 2);
	/* The next harvest reports it once more, and re-arms. */
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 2);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 2);
	fixture_harvest(&rig.f);
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 0);
	assert_int_equal(fake_take(rig.two, rig.f.region), 2);
	rig_end(&rig);
}

static void test_comes_again(void **state)
{
	comes_again(false);
	comes_again(true);
}

/*
 * Pages 3 and 4 were harvested, page 5 is reported by the look only. One take
 * takes all three. What the harvest re-armed as it reported is armed; what a
 * take would have re-armed is not, since a look came between.
 */
static void mixed(bool rearms_at_take, uint64_t again)
{
	struct rig rig;

	rig_start(&rig, rearms_at_take);
	armed_touch(&rig.armed, 3);
	armed_touch(&rig.armed, 4);
	fixture_harvest(&rig.f);
	armed_touch(&rig.armed, 5);
	fixture_look(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 3);
	fixture_look(&rig.f);
	assert_int_equal(smudge_client_count(rig.f.client, rig.f.region, 3, 2),
			 again);
	assert_true(smudge_client_test(rig.f.client, rig.f.region, 5));
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), again + 1);
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
	fixture_look(&rig.f);
	fixture_harvest(&rig.f);
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 1);
	assert_int_equal(rig.armed.nrearmed, rearmed + 1);
	assert_false(rig.armed.written[9]);
	rig_end(&rig);
}

/* Unknown means dirty; what was written is reported again all the same. */
static void test_look_fails(void **state)
{
	struct smudge_error err = {0};
	struct rig rig;

	rig_start(&rig, true);
	armed_touch(&rig.armed, 150);
	rig.armed.look_error = -EREMOTEIO;
	assert_int_equal(smudge_memory_look(rig.f.memory, &err), -EREMOTEIO);
	assert_string_equal(err.message, "told to stop half way");
	assert_true(smudge_client_all(rig.f.client, rig.f.region, 0, NPAGES));
	assert_true(smudge_client_all(rig.two, rig.f.region, 0, NPAGES));
	rig.armed.look_error = 0;
	assert_int_equal(fake_take(rig.f.client, rig.f.region), NPAGES);
	fixture_look(&rig.f);
	assert_true(smudge_client_test(rig.f.client, rig.f.region, 150));
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 1);
	assert_int_equal(fake_stats(rig.f.memory).harvest_errors, 1);
	rig_end(&rig);
}

static void test_one_region(void **state)
{
	struct smudge_region *other;
	struct rig rig;

	rig_start(&rig, false);
	other = fake_region(rig.f.memory, 1 << 30, 10);
	armed_touch(&rig.armed, 2);
	assert_int_equal(smudge_region_look(other, NULL), 0);
	assert_int_equal(rig.armed.looks, 0);
	assert_int_equal(smudge_region_look(rig.f.region, NULL), 0);
	assert_int_equal(rig.armed.looks, 1);
	assert_true(smudge_client_test(rig.f.client, rig.f.region, 2));
	rig_end(&rig);
}

static void test_nobody_watches(void **state)
{
	struct smudge_client_options marks = {
		.size = sizeof(marks), .name = "marks", .marks_only = true};
	struct smudge_client *client = NULL;
	struct rig rig;

	rig_start(&rig, false);
	fixture_unwatch(&rig.f);
	assert_int_equal(smudge_client_close(rig.two), 0);
	fixture_look(&rig.f);
	assert_int_equal(
		smudge_client_open(rig.f.memory, &marks, &client, NULL), 0);
	fixture_look(&rig.f);
	fixture_harvest_quiesced(&rig.f);
	assert_int_equal(rig.armed.looks, 0);
	assert_int_equal(fake_stats(rig.f.memory).looks, 0);
	assert_int_equal(smudge_client_close(client), 0);
	rig.two = NULL;
	rig_end(&rig);
}

static void test_statistics(void **state)
{
	struct smudge_source_stats source = {.size = sizeof(source)};
	struct smudge_memory_stats before, after;
	struct rig rig;

	rig_start(&rig, false);
	before = fake_stats(rig.f.memory);
	armed_touch(&rig.armed, 1);
	armed_touch(&rig.armed, 2);
	fixture_look(&rig.f);
	fixture_look(&rig.f);
	after = fake_stats(rig.f.memory);
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
