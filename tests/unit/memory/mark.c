/* SPDX-License-Identifier: MIT */
/*
 * Marks by guest physical address: ranges that begin and end inside pages,
 * span regions and holes, and touch no region at all.
 */
#include "support.h"

#include "fake_source.h"

#define LOW_PAGES  160
#define HIGH_GPA   UINT64_C(0x100000000)
#define HIGH_PAGES 100

struct rig {
	struct smudge_memory *memory;
	struct smudge_region *low, *next, *high;
	struct smudge_client *client;
};

static void rig_start(struct rig *rig)
{
	assert_int_equal(smudge_memory_create(&rig->memory), 0);
	/* added out of order; next begins where low ends */
	rig->high = fake_region(rig->memory, HIGH_GPA, HIGH_PAGES);
	rig->low = fake_region(rig->memory, 0x1000, LOW_PAGES);
	rig->next = fake_region(rig->memory, 0x1000 + LOW_PAGES * 4096, 70);
	rig->client = fake_client(rig->memory, "c", true);
}

static void rig_end(struct rig *rig)
{
	assert_int_equal(smudge_client_close(rig->client), 0);
	assert_int_equal(smudge_memory_destroy(rig->memory, NULL), 0);
}

static void check(struct rig *rig, struct smudge_region *region, uint64_t first,
		  uint64_t npages)
{
	if (npages)
		assert_true(
			smudge_client_all(rig->client, region, first, npages));
	assert_int_equal(smudge_client_dirty_pages(rig->client), npages);
	fake_take(rig->client, region);
	assert_int_equal(smudge_client_dirty_pages(rig->client), 0);
}

static void test_one_region(void **state)
{
	struct rig rig;

	rig_start(&rig);
	smudge_memory_mark_gpa(rig.memory, 0x1000, 1);
	check(&rig, rig.low, 0, 1);
	smudge_memory_mark_gpa(rig.memory, 0x1fff, 2);
	check(&rig, rig.low, 0, 2);
	smudge_memory_mark_gpa(rig.memory, HIGH_GPA + 4096 * 63 + 5, 4096);
	check(&rig, rig.high, 63, 2);
	smudge_memory_mark_gpa(rig.memory, HIGH_GPA + 4096 * 99, 4096);
	check(&rig, rig.high, 99, 1);
	rig_end(&rig);
}

static void test_outside(void **state)
{
	struct rig rig;

	rig_start(&rig);
	smudge_memory_mark_gpa(rig.memory, 0, 0x1000);
	smudge_memory_mark_gpa(rig.memory, 0x1000, 0);
	smudge_memory_mark_gpa(rig.memory, 0x8000000, 0x8000000);
	smudge_memory_mark_gpa(rig.memory, HIGH_GPA - 1, 1);
	smudge_memory_mark_gpa(rig.memory, HIGH_GPA + HIGH_PAGES * 4096, 9999);
	smudge_memory_mark_gpa(rig.memory, UINT64_MAX, UINT64_MAX);
	smudge_region_mark(rig.low, LOW_PAGES, 5);
	smudge_region_mark(rig.low, UINT64_MAX, UINT64_MAX);
	check(&rig, rig.low, 0, 0);
	rig_end(&rig);
}

static void test_across_regions(void **state)
{
	struct rig rig;

	rig_start(&rig);
	smudge_memory_mark_gpa(rig.memory, 0x1000 + LOW_PAGES * 4096 - 1, 2);
	assert_true(smudge_client_test(rig.client, rig.low, LOW_PAGES - 1));
	assert_true(smudge_client_test(rig.client, rig.next, 0));
	assert_int_equal(smudge_client_dirty_pages(rig.client), 2);
	smudge_memory_mark_gpa(rig.memory, 0x1000 + (LOW_PAGES + 69) * 4096,
			       HIGH_GPA);
	assert_true(smudge_client_test(rig.client, rig.next, 69));
	assert_true(smudge_client_all(rig.client, rig.high, 0, HIGH_PAGES));
	assert_int_equal(smudge_client_dirty_pages(rig.client), 3 + HIGH_PAGES);
	fake_take(rig.client, rig.high);
	fake_take(rig.client, rig.low);
	fake_take(rig.client, rig.next);
	smudge_memory_mark_gpa(rig.memory, 0, UINT64_MAX);
	assert_int_equal(smudge_client_dirty_pages(rig.client),
			 LOW_PAGES + 70 + HIGH_PAGES);
	rig_end(&rig);
}

TEST_MAIN(test_one_region, test_outside, test_across_regions)
