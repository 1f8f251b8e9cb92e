/* SPDX-License-Identifier: MIT */
/*
 * The life of a batch: taken, re-armed, and committed or returned. A consumer
 * that fails, or a writer that cannot be re-armed, loses nothing.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "fixture.h"

struct rig {
	struct fixture f;
	struct fake_source fake;
};

static void rig_start(struct rig *rig, uint64_t npages)
{
	fixture_open(&rig->f, npages);
	fake_create(&rig->fake, true);
	fixture_attach(&rig->f, rig->fake.source);
	fixture_watch(&rig->f, true);
	rig->fake.rearms = 0;
	rig->fake.rearmed_pages = 0;
}

static void rig_end(struct rig *rig)
{
	fake_destroy(&rig->fake);
	fixture_close(&rig->f);
}

static void test_take_rearms_what_it_took(void **state)
{
	struct rig rig;

	rig_start(&rig, 1000);
	assert_int_equal(fixture_take(&rig.f, 0, 1000, NULL), 0);
	assert_int_equal(rig.fake.rearmed_pages, 0);
	assert_int_equal(smudge_client_commit(rig.f.client, rig.f.batch), 0);
	fake_write(&rig.fake, 70);
	fake_write(&rig.fake, 71);
	fake_write(&rig.fake, 900);
	assert_int_equal(smudge_region_harvest(rig.f.region, NULL), 0);
	assert_int_equal(fixture_take(&rig.f, 0, 800, NULL), 0);
	assert_int_equal(rig.fake.rearmed_pages, 2);
	assert_int_equal(rig.fake.rearmed_first, 70);
	assert_int_equal(smudge_batch_end_page(rig.f.batch), 800);
	assert_true(smudge_client_test(rig.f.client, rig.f.region, 900));
	assert_false(smudge_client_test(rig.f.client, rig.f.region, 70));
	assert_int_equal(smudge_client_commit(rig.f.client, rig.f.batch), 0);
	assert_true(smudge_batch_is_empty(rig.f.batch));
	rig_end(&rig);
}

static void test_failing_consumer(void **state)
{
	struct test_rng rng = test_rng_start("client_batch");
	struct rig rig;
	uint64_t dirty;

	rig_start(&rig, 5000);
	for (int i = 0; i < 300; i++)
		fake_write(&rig.fake, test_rng_below(&rng, 5000));
	fixture_harvest(&rig.f);
	dirty = smudge_client_dirty_pages(rig.f.client);
	for (int i = 0; i < 20; i++) {
		uint64_t first = test_rng_below(&rng, 5000);

		assert_int_equal(
			fixture_take(&rig.f, first,
				     test_rng_below(&rng, 5001 - first), NULL),
			0);
		/* written again while it is being read */
		smudge_region_mark(rig.f.region, 17, 1);
		assert_int_equal(
			smudge_client_return(rig.f.client, rig.f.batch), 0);
		assert_true(smudge_batch_is_empty(rig.f.batch));
	}
	dirty += smudge_client_dirty_pages(rig.f.client) - dirty == 1;
	assert_int_equal(fake_take(rig.f.client, rig.f.region), dirty);
	rig_end(&rig);
}

static void test_failing_rearm(void **state)
{
	struct rig rig;
	struct smudge_error err = {0};

	rig_start(&rig, 1000);
	fake_write(&rig.fake, 3);
	fake_write(&rig.fake, 64);
	smudge_region_mark(rig.f.region, 999, 1);
	assert_int_equal(smudge_region_harvest(rig.f.region, NULL), 0);
	rig.fake.rearm_error = -ENODEV;
	assert_int_equal(fixture_take(&rig.f, 0, 1000, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_int_equal(err.region, smudge_region_id(rig.f.region));
	assert_true(smudge_batch_is_empty(rig.f.batch));
	assert_int_equal(
		smudge_client_count(rig.f.client, rig.f.region, 0, 1000), 3);
	assert_int_equal(
		smudge_client_skip(rig.f.client, rig.f.region, 0, 1000, NULL),
		-EIO);
	assert_int_equal(smudge_client_dirty_pages(rig.f.client), 3);
	rig.fake.rearm_error = 0;
	assert_int_equal(fake_take(rig.f.client, rig.f.region), 3);
	rig_end(&rig);
}

/* More runs than the batch holds: taken piece by piece, each page once. */
static void test_small_batch(void **state)
{
	struct rig rig;
	uint64_t at = 0, npages = 0, ntakes = 0;

	rig_start(&rig, 16000);
	for (uint64_t i = 0; i < 16000; i += 2)
		fake_write(&rig.fake, i);
	fixture_harvest(&rig.f);
	while (at < 16000) {
		assert_int_equal(fixture_take(&rig.f, at, 16000 - at, NULL), 0);
		assert_true(smudge_batch_nruns(rig.f.batch) <= 4096);
		npages += smudge_batch_npages(rig.f.batch);
		at = smudge_batch_end_page(rig.f.batch);
		assert_int_equal(
			smudge_client_commit(rig.f.client, rig.f.batch), 0);
		ntakes++;
	}
	assert_int_equal(npages, 8000);
	assert_int_equal(rig.fake.rearmed_pages, 8000);
	assert_true(ntakes >= 2);
	rig_end(&rig);
}

TEST_MAIN(test_take_rearms_what_it_took, test_failing_consumer,
	  test_failing_rearm, test_small_batch)
