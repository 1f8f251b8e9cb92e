/* SPDX-License-Identifier: MIT */
/*
 * A region that overlaps another, or takes its name: -EEXIST.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_region_exists(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region = NULL;
	struct smudge_region_options good = {
		.size = sizeof(good),
		.name = "ram",
		.hva = (void *)(uintptr_t)0x200000000,
		.gpa = 0x200000,
		.size_bytes = 0x400000,
	};
	struct smudge_region_options o = good;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &good, &region, NULL), 0);
	o.gpa = 0x10000000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EEXIST);
	o = good;
	o.name = "other";
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EEXIST);
	o = good;
	o.name = "other";
	o.gpa = 0x5ff000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EEXIST);
	o = good;
	o.name = "other";
	o.gpa = 0;
	o.size_bytes = 0x201000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EEXIST);
	o = good;
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 1);
	o.name = "other";
	o.gpa = 0x600000; /* where the first one ends */
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_exists)
