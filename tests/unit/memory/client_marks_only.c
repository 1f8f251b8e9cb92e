/* SPDX-License-Identifier: MIT */
/*
 * A client that receives marks only starts no source, receives nothing from one
 * and re-arms none; it changes nothing for the other clients.
 */
#include "support.h"

#include <stddef.h>

#include "fake_source.h"
#include "fixture.h"

struct rig {
	struct fixture f;
	struct fake_source fake;
	struct smudge_client *marks;
};

static struct smudge_client *open_marks(struct rig *rig)
{
	struct smudge_client_options options = {
		.size = sizeof(options), .name = "marks", .marks_only = true};
	struct smudge_client *client = NULL;

	assert_int_equal(
		smudge_client_open(rig->f.memory, &options, &client, NULL), 0);
	assert_int_equal(
		smudge_client_skip(client, rig->f.region, 0, 1000, NULL), 0);
	return client;
}

static void start(struct rig *rig)
{
	fixture_open(&rig->f, 1000);
	fake_create(&rig->fake, true);
	fixture_attach(&rig->f, rig->fake.source);
	rig->marks = open_marks(rig);
}

static void end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->marks), 0);
	fake_destroy(&rig->fake);
	fixture_close(&rig->f);
}

static void test_alone_it_starts_nothing(void **state)
{
	struct rig rig;

	start(&rig);
	assert_int_equal(rig.fake.starts, 0);
	fixture_harvest(&rig.f);
	assert_int_equal(rig.fake.harvests, 0);
	smudge_region_mark(rig.f.region, 7, 2);
	assert_int_equal(smudge_client_dirty_pages(rig.marks), 2);
	assert_int_equal(fake_take(rig.marks, rig.f.region), 2);
	assert_int_equal(rig.fake.rearms, 0);
	end(&rig);
}

static void test_beside_another(void **state)
{
	struct rig rig;
	struct smudge_client *all;

	start(&rig);
	all = fake_client(rig.f.memory, "all", true);
	assert_int_equal(rig.fake.starts, 1);
	fake_write(&rig.fake, 5);
	smudge_region_mark(rig.f.region, 9, 1);
	fixture_harvest(&rig.f);
	assert_int_equal(smudge_client_dirty_pages(all), 2);
	assert_int_equal(smudge_client_dirty_pages(rig.marks), 1);
	assert_true(smudge_client_test(rig.marks, rig.f.region, 9));
	rig.fake.rearms = 0;
	assert_int_equal(fake_take(rig.marks, rig.f.region), 1);
	assert_int_equal(rig.fake.rearms, 0);
	assert_int_equal(smudge_client_dirty_pages(all), 2);
	assert_int_equal(fake_take(all, rig.f.region), 2);
	assert_int_equal(rig.fake.rearms, 1);
	/* the last client of the sources stops them */
	assert_int_equal(smudge_client_close(all), 0);
	assert_int_equal(rig.fake.stops, 1);
	smudge_region_mark(rig.f.region, 1, 1);
	assert_int_equal(smudge_client_dirty_pages(rig.marks), 1);
	end(&rig);
}

/* Unknown means dirty only for the clients of the source. */
static void test_a_failing_source(void **state)
{
	struct rig rig;
	struct smudge_client *all;

	start(&rig);
	all = fake_client(rig.f.memory, "all", true);
	rig.fake.harvest_error = -5;
	assert_int_equal(smudge_memory_harvest(rig.f.memory, NULL), -5);
	assert_int_equal(smudge_client_dirty_pages(all), 1000);
	assert_int_equal(smudge_client_dirty_pages(rig.marks), 0);
	assert_int_equal(smudge_client_close(all), 0);
	end(&rig);
}

/* Options of a caller that does not know the field. */
static void test_older_options(void **state)
{
	struct smudge_client_options options = {
		.size = offsetof(struct smudge_client_options, marks_only),
		.name = "old",
		.marks_only = true,
	};
	struct smudge_client *client = NULL;
	struct rig rig;

	start(&rig);
	assert_int_equal(
		smudge_client_open(rig.f.memory, &options, &client, NULL), 0);
	assert_int_equal(rig.fake.starts, 1);
	assert_int_equal(smudge_client_close(client), 0);
	end(&rig);
}

TEST_MAIN(test_alone_it_starts_nothing, test_beside_another,
	  test_a_failing_source, test_older_options)
