/* SPDX-License-Identifier: MIT */
/*
 * Regions: their attributes, their order, their ids, and what
 * happens to sources and clients when one leaves. Then the statistics, which
 * must add up.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "fake_source.h"
#include "fixture.h"

static void test_what_a_region_says(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region = NULL, *other, *list[3] = {0};
	char name[] = "video";
	struct smudge_region_options options = {
		.size = sizeof(options),
		.name = name,
		.hva = (void *)(uintptr_t)0x700000000,
		.gpa = 0xa10000, /* no multiple of 2 MiB */
		.size_bytes = 64 << 21,
		.page_shift = 21,
	};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_memory_regions(memory, list, 3), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL),
			 -EINVAL);
	options.gpa = 0xa000000;
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	name[0] = 'x'; /* the options were copied */
	assert_string_equal(smudge_region_name(region), "video");
	assert_ptr_equal(smudge_region_hva(region), options.hva);
	assert_int_equal(smudge_region_gpa(region), 0xa000000);
	assert_int_equal(smudge_region_npages(region), 64);
	assert_int_equal(smudge_region_page_shift(region), 21);
	other = fake_region(memory, 0, 5);
	assert_int_equal(smudge_region_page_shift(other), 12);
	assert_int_equal(smudge_memory_regions(memory, list, 1), 2);
	assert_ptr_equal(list[0], other);
	assert_null(list[1]);
	assert_int_equal(smudge_memory_regions(memory, list, 3), 2);
	assert_ptr_equal(list[1], region);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

static void test_ids_are_not_used_again(void **state)
{
	struct fixture f;
	uint32_t last;

	fixture_open(&f, 1);
	last = smudge_region_id(f.region);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(smudge_region_remove(f.region, NULL), 0);
		f.region = fake_region(f.memory, 0, 1);
		assert_true(smudge_region_id(f.region) > last);
		last = smudge_region_id(f.region);
	}
	fixture_close(&f);
}

static void test_leaving_detaches(void **state)
{
	struct fixture f;
	struct smudge_region *stays;
	struct fake_source fake;

	fixture_open(&f, 100);
	stays = fake_region(f.memory, 0x1000000, 10);
	fake_create(&fake, false);
	fixture_attach(&f, fake.source);
	fixture_watch(&f, false);
	assert_int_equal(smudge_region_remove(f.region, NULL), 0);
	assert_int_equal(fake.harvests, 1);
	assert_false(fake.is_running);
	assert_int_equal(smudge_client_dirty_pages(f.client), 10);
	assert_int_equal(smudge_region_attach(stays, fake.source, 0, 0, NULL),
			 0);
	assert_true(fake.is_running);
	/* the memory goes first: the source is detached, not destroyed */
	fixture_close(&f);
	assert_int_equal(fake.destroys, 0);
	fake_destroy(&fake);
}

static void test_statistics_add_up(void **state)
{
	struct fixture f;
	struct smudge_memory_stats before, after;
	struct smudge_source_stats source = {.size = sizeof(source)};
	struct fake_source fake;

	fixture_open(&f, 1000);
	fake_create(&fake, true);
	fixture_attach(&f, fake.source);
	fixture_watch(&f, true);
	before = fake_stats(f.memory);
	for (int i = 0; i < 10; i++)
		fake_write(&fake, (uint64_t)i * 3);
	fixture_harvest(&f);
	assert_int_equal(fixture_take(&f, 0, 1000, NULL), 0);
	assert_int_equal(smudge_client_return(f.client, f.batch), 0);
	assert_int_equal(fixture_take(&f, 0, 1000, NULL), 0);
	assert_int_equal(smudge_client_commit(f.client, f.batch), 0);
	after = fake_stats(f.memory);
	assert_int_equal(after.harvests - before.harvests, 1);
	assert_int_equal(after.harvested_pages - before.harvested_pages, 10);
	assert_true(after.harvest_ns > before.harvest_ns);
	assert_int_equal(after.harvest_errors, 0);
	assert_int_equal(after.takes - before.takes, 2);
	assert_int_equal(after.taken_pages - before.taken_pages, 20);
	assert_int_equal(after.returned_pages, 10);
	assert_true(after.take_ns > before.take_ns);
	assert_true(after.rearm_ns >= before.rearm_ns);
	assert_true(after.take_ns >= after.rearm_ns);
	assert_int_equal(after.nsources_running, 1);
	assert_int_equal(smudge_source_stats(fake.source, &source), 0);
	assert_string_equal(source.name, "fake");
	assert_int_equal(source.harvests, fake.harvests);
	assert_int_equal(source.harvested_pages, 10);
	assert_int_equal(source.rearms, fake.rearms);
	fake_destroy(&fake);
	fixture_close(&f);
}

TEST_MAIN(test_what_a_region_says, test_ids_are_not_used_again,
	  test_leaving_detaches, test_statistics_add_up)
