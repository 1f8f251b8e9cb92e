/* SPDX-License-Identifier: MIT */
/*
 * Invalid regions: odd addresses, sizes, page sizes and names are -EINVAL, and
 * the memory stays empty.
 */
#include "support.h"

#include <errno.h>

#include <string.h>

#include "fake_source.h"

static void test_region_invalid(void **state)
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
	o.gpa = 0x200001;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.hva = (char *)o.hva + 1;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.size_bytes = 0;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.size_bytes = 0x400001;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.page_shift = 11;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.page_shift = 31;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.page_shift = 30;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.size = 8;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.name = NULL;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.name = "a name of sixty-four bytes, which is one more than the limit "
		 "is!";
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o = good;
	o.gpa = UINT64_MAX - 0x1fffff;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o.gpa = UINT64_MAX - o.size_bytes + 1; /* its end is 2^64 */
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	assert_null(region);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 0);
	assert_int_equal(smudge_region_add(memory, &good, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_invalid)
