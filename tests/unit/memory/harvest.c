/* SPDX-License-Identifier: MIT */
/*
 * Harvests: failing sources, sources attached to odd places, pages of other
 * sizes, and the last harvest of a source that leaves.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_client *one, *two;
	struct fake_source fake;
};

static void rig_start(struct rig *rig, uint64_t npages, uint64_t first,
		      uint64_t count)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	rig->region = fake_region(rig->memory, 0, npages);
	fake_create(&rig->fake, false);
	assert_int_equal(smudge_region_attach(rig->region, rig->fake.source,
					      first, count, NULL),
			 0);
	rig->one = fake_client(rig->memory, "one", true);
	rig->two = fake_client(rig->memory, "two", true);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->one), 0);
	assert_int_equal(smudge_client_close(rig->two), 0);
	fake_destroy(&rig->fake);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

static uint64_t count(struct rig *rig, uint64_t first, uint64_t npages)
{
	return smudge_client_count(rig->one, rig->region, first, npages);
}

static void test_unknown_means_dirty(void **state)
{
	struct rig rig;
	struct smudge_error err = {0};
	struct fake_source good;

	rig_start(&rig, 1000, 100, 300);
	fake_create(&good, false);
	assert_int_equal(
		smudge_region_attach(rig.region, good.source, 700, 100, NULL),
		0);
	assert_int_equal(fake_take(rig.one, rig.region), 100);
	assert_int_equal(fake_take(rig.two, rig.region), 100);
	fake_write(&rig.fake, 5);
	fake_write(&good, 2);
	rig.fake.harvest_error = -ENXIO;
	rig.fake.harvest_error_after = 10;
	assert_int_equal(smudge_memory_harvest(rig.memory, &err), -ENXIO);
	assert_int_equal(err.code, -ENXIO);
	assert_int_equal(err.region, smudge_region_id(rig.region));
	assert_true(smudge_client_all(rig.one, rig.region, 100, 300));
	assert_true(smudge_client_all(rig.two, rig.region, 100, 300));
	assert_true(smudge_client_test(rig.one, rig.region, 702));
	assert_int_equal(smudge_client_dirty_pages(rig.one), 301);
	assert_int_equal(fake_stats(rig.memory).harvest_errors, 1);
	rig.fake.harvest_error = 0;
	assert_int_equal(smudge_memory_harvest(rig.memory, NULL), 0);
	fake_destroy(&good);
	rig_end(&rig);
}

static void test_detach_harvests_first(void **state)
{
	struct rig rig;
	struct smudge_error err = {0};

	rig_start(&rig, 1000, 100, 300);
	fake_write(&rig.fake, 299);
	assert_int_equal(smudge_source_detach(rig.fake.source, &err), 0);
	assert_false(rig.fake.is_running);
	assert_int_equal(rig.fake.harvests, 1);
	assert_true(smudge_client_test(rig.two, rig.region, 399));
	assert_int_equal(smudge_client_dirty_pages(rig.two), 1);
	assert_int_equal(smudge_source_detach(rig.fake.source, NULL), 0);

	/* attached again, it is unknown what was written meanwhile */
	assert_int_equal(
		smudge_region_attach(rig.region, rig.fake.source, 0, 50, NULL),
		0);
	assert_true(smudge_client_all(rig.one, rig.region, 0, 50));
	rig.fake.harvest_error = -EIO;
	assert_int_equal(fake_take(rig.one, rig.region), 51);
	assert_int_equal(smudge_source_detach(rig.fake.source, &err), -EIO);
	assert_int_equal(err.code, -EIO);
	assert_false(rig.fake.is_running);
	assert_int_equal(count(&rig, 0, 50), 50);
	rig_end(&rig);
}

/* Every offset of the source's bits against the region's words. */
static void test_misaligned_attachments(void **state)
{
	for (uint64_t first = 0; first < 70; first += 3) {
		struct rig rig;

		rig_start(&rig, 1000, first, 700);
		for (uint64_t bit = 0; bit < 64; bit += 7) {
			rig.fake.first_bit = bit;
			fake_write(&rig.fake, 0);
			fake_write(&rig.fake, 64);
			fake_write(&rig.fake, 699);
			fake_write(&rig.fake, 700); /* beyond its range */
			rig.fake.npages = 900;
			assert_int_equal(
				smudge_region_harvest(rig.region, NULL), 0);
			assert_true(
				smudge_client_test(rig.one, rig.region, first));
			assert_true(smudge_client_test(rig.one, rig.region,
						       first + 64));
			assert_true(smudge_client_test(rig.one, rig.region,
						       first + 699));
			assert_int_equal(fake_take(rig.one, rig.region), 3);
		}
		assert_int_equal(fake_take(rig.two, rig.region), 3);
		rig_end(&rig);
	}
}

static void test_larger_source_pages(void **state)
{
	struct rig rig;

	rig_start(&rig, 1000, 5, 500);
	rig.fake.page_shift = 16; /* 16 of the region's */
	rig.fake.npages = 40;
	fake_write(&rig.fake, 0);
	fake_write(&rig.fake, 2);
	fake_write(&rig.fake, 3);
	fake_write(&rig.fake, 31); /* 496 to 511: 4 pages of it inside */
	fake_write(&rig.fake, 33); /* outside */
	assert_int_equal(smudge_region_harvest(rig.region, NULL), 0);
	assert_int_equal(count(&rig, 5, 16), 16);
	assert_int_equal(count(&rig, 5 + 32, 32), 32);
	assert_int_equal(count(&rig, 5 + 496, 4), 4);
	assert_int_equal(count(&rig, 0, 1000), 16 + 32 + 4);
	rig_end(&rig);
}

/* Pages larger than all there is, and more bits than that has pages. */
static void test_enormous_source_pages(void **state)
{
	for (unsigned int shift = 22; shift < 64; shift += 3) {
		struct rig rig;

		rig_start(&rig, 1000, 5, 500);
		rig.fake.page_shift = shift;
		rig.fake.npages = 1024;
		for (uint64_t bit = 0; bit < 1024; bit++)
			fake_write(&rig.fake, bit);
		assert_int_equal(smudge_region_harvest(rig.region, NULL), 0);
		assert_int_equal(count(&rig, 5, 500), 500);
		assert_int_equal(count(&rig, 0, 1000), 500);
		rig_end(&rig);
	}
}

static void test_smaller_source_pages(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region = NULL;
	struct smudge_client *client;
	struct fake_source fake;
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "large",
		.hva = (void *)(uintptr_t)0x200000000,
		.size_bytes = UINT64_C(100) << 16,
		.page_shift = 16,
	};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(smudge_region_npages(region), 100);
	fake_create(&fake, false);
	assert_int_equal(smudge_region_attach(region, fake.source, 3, 50, NULL),
			 0);
	assert_int_equal(fake.range.page_shift, 0);
	client = fake_client(memory, "c", true);
	assert_int_equal(fake.range.page_shift, 16);
	fake.npages = 16 * 60;
	fake_write(&fake, 0);
	fake_write(&fake, 15);		 /* the same large page */
	fake_write(&fake, 16 * 7 + 9);	 /* large page 7 */
	fake_write(&fake, 16 * 49 + 15); /* the last one */
	fake_write(&fake, 16 * 50);	 /* outside */
	assert_int_equal(smudge_region_harvest(region, NULL), 0);
	assert_true(smudge_client_test(client, region, 3));
	assert_true(smudge_client_test(client, region, 10));
	assert_true(smudge_client_test(client, region, 52));
	assert_int_equal(smudge_client_dirty_pages(client), 3);
	assert_int_equal(smudge_client_close(client), 0);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_unknown_means_dirty, test_detach_harvests_first,
	  test_misaligned_attachments, test_larger_source_pages,
	  test_enormous_source_pages, test_smaller_source_pages)
