/* SPDX-License-Identifier: MIT */
/*
 * Without a client no source runs and no memory is held. The first client
 * starts the sources, the last one stops them, and a start that fails is
 * undone.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "fake_source.h"
#include "fixture.h"

static void test_first_and_last(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *one, *two;
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0x100000, 300);
	fake_create(&fake, true);
	assert_int_equal(smudge_region_attach(region, fake.source, 10, 0, NULL),
			 0);
	assert_int_equal(fake.starts, 0);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(fake.harvests, 0);

	one = fake_client(memory, "one", false);
	assert_true(fake.is_running);
	assert_int_equal(fake.range.first_page, 10);
	assert_int_equal(fake.range.npages, 290);
	assert_int_equal(fake.range.gpa, 0x10a000);
	assert_int_equal(fake.range.page_shift, 12);
	assert_ptr_equal(fake.range.hva,
			 (char *)smudge_region_hva(region) + 10 * 4096);
	two = fake_client(memory, "two", false);
	assert_int_equal(fake.starts, 1);
	assert_int_equal(smudge_client_close(one), 0);
	assert_true(fake.is_running);
	assert_int_equal(smudge_client_close(two), 0);
	assert_false(fake.is_running);
	assert_int_equal(fake.stops, 1);

	two = fake_client(memory, "again", false);
	assert_int_equal(fake.starts, 2);
	assert_int_equal(smudge_client_dirty_pages(two), 300);
	assert_int_equal(smudge_client_close(two), 0);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_nothing_is_held(void **state)
{
	struct fixture f;
	struct smudge_memory_stats stats;

	fixture_open(&f, 100000);
	smudge_region_mark(f.region, 5, 5);
	stats = fake_stats(f.memory);
	assert_int_equal(stats.nregions, 1);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.nsources_running, 0);
	assert_int_equal(stats.bitmap_bytes, 0);
	fixture_watch(&f, false);
	stats = fake_stats(f.memory);
	assert_int_equal(stats.nclients, 1);
	assert_true(stats.bitmap_bytes > 0);
	assert_true(stats.bitmap_peak_bytes >= stats.bitmap_bytes);
	fixture_unwatch(&f);
	stats = fake_stats(f.memory);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.bitmap_bytes, 0);
	assert_true(stats.bitmap_peak_bytes > 0);
	fixture_close(&f);
}

/* The second of three regions' sources fails: the first is stopped again. */
static void test_failing_start_unwinds(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region[3];
	struct smudge_client *client = NULL;
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "c"};
	struct smudge_error err = {0};
	struct fake_source fake[3];
	struct smudge_memory_stats stats;

	assert_int_equal(smudge_memory_create(&memory), 0);
	for (int i = 0; i < 3; i++) {
		region[i] = fake_region(memory, (uint64_t)i << 24, 64);
		fake_create(&fake[i], false);
		assert_int_equal(smudge_region_attach(region[i], fake[i].source,
						      0, 0, NULL),
				 0);
	}
	fake[1].start_error = -ENODEV;
	assert_int_equal(smudge_client_open(memory, &options, &client, &err),
			 -ENODEV);
	assert_null(client);
	assert_int_equal(err.code, -ENODEV);
	assert_int_equal(err.region, smudge_region_id(region[1]));
	assert_string_equal(err.where, "fake");
	for (int i = 0; i < 3; i++) {
		assert_false(fake[i].is_running);
		assert_int_equal(fake[i].starts - (i == 1), fake[i].stops);
	}
	stats = fake_stats(memory);
	assert_int_equal(stats.nclients, 0);
	assert_int_equal(stats.nsources_running, 0);
	assert_int_equal(stats.bitmap_bytes, 0);

	fake[1].start_error = 0;
	assert_int_equal(smudge_client_open(memory, &options, &client, NULL),
			 0);
	assert_int_equal(fake_stats(memory).nsources_running, 3);
	assert_int_equal(smudge_client_close(client), 0);
	for (int i = 0; i < 3; i++)
		fake_destroy(&fake[i]);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_first_and_last, test_nothing_is_held, test_failing_start_unwinds)
