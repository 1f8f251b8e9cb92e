/* SPDX-License-Identifier: MIT */
/*
 * Regions: what they say of themselves, their order, their ids, and what
 * happens to sources and clients when one leaves. Then the statistics, which
 * must add up.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "fake_source.h"

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
	assert_int_equal(smudge_region_add(memory, &options, &region), -EINVAL);
	options.gpa = 0xa000000;
	assert_int_equal(smudge_region_add(memory, &options, &region), 0);
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
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

static void test_ids_are_not_used_again(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	uint32_t last;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 1);
	last = smudge_region_id(region);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(smudge_region_remove(region), 0);
		region = fake_region(memory, 0, 1);
		assert_true(smudge_region_id(region) > last);
		last = smudge_region_id(region);
	}
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

static void test_leaving_detaches(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region, *stays;
	struct smudge_client *client;
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	stays = fake_region(memory, 0x1000000, 10);
	fake_create(&fake, false);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	client = fake_client(memory, "c", false);
	assert_int_equal(smudge_region_remove(region), 0);
	assert_int_equal(fake.harvests, 1);
	assert_false(fake.is_running);
	assert_int_equal(smudge_client_dirty_pages(client), 10);
	assert_int_equal(smudge_region_attach(stays, fake.source, 0, 0, NULL),
			 0);
	assert_true(fake.is_running);
	assert_int_equal(smudge_client_close(client), 0);
	/* the memory goes first: the source is detached, not destroyed */
	assert_int_equal(smudge_memory_destroy(memory), 0);
	assert_int_equal(fake.destroys, 0);
	fake_destroy(&fake);
}

static void test_statistics_add_up(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *client;
	struct smudge_batch *batch;
	struct smudge_memory_stats before, after;
	struct smudge_source_stats source = {.size = sizeof(source)};
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 1000);
	fake_create(&fake, true);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	client = fake_client(memory, "c", true);
	assert_int_equal(smudge_batch_create(1, &batch), 0);
	before = fake_stats(memory);
	for (int i = 0; i < 10; i++)
		fake_write(&fake, (uint64_t)i * 3);
	assert_int_equal(smudge_memory_harvest(memory, NULL), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, 1000, batch, NULL), 0);
	assert_int_equal(smudge_client_return(client, batch), 0);
	assert_int_equal(
		smudge_client_take(client, region, 0, 1000, batch, NULL), 0);
	assert_int_equal(smudge_client_commit(client, batch), 0);
	after = fake_stats(memory);
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
	assert_int_equal(smudge_batch_destroy(batch), 0);
	assert_int_equal(smudge_client_close(client), 0);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_what_a_region_says, test_ids_are_not_used_again,
	  test_leaving_detaches, test_statistics_add_up)
