/* SPDX-License-Identifier: MIT */
/*
 * A region that overlaps another, or takes its name: -EEXIST. The sentence and
 * the error name the other one.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "sentence.h"

#define HVA (void *)(uintptr_t)0x200000000

static const struct taken {
	struct smudge_region_options options;
	unsigned int by; /* the first or the second region below */
	const char *sentence;
} taken[] = {
	{{.name = "ram", .gpa = 0x10000000, .size_bytes = 0x1000},
	 1,
	 "the name ram is taken by a region of 1024 pages at gpa 0x200000"},
	{{.name = "other", .gpa = 0x200000, .size_bytes = 0x400000},
	 1,
	 "region other, gpa 0x200000 to 0x5fffff, overlaps region ram, gpa "
	 "0x200000 to 0x5fffff"},
	{{.name = "other", .gpa = 0x5ff000, .size_bytes = 0x400000},
	 1,
	 "region other, gpa 0x5ff000 to 0x9fefff, overlaps region ram, gpa "
	 "0x200000 to 0x5fffff"},
	{{.name = "other", .gpa = 0x100000, .size_bytes = 0x101000},
	 1,
	 "region other, gpa 0x100000 to 0x200fff, overlaps region ram, gpa "
	 "0x200000 to 0x5fffff"},
	/* the .gpa of a second region is forgotten easily */
	{{.name = "other", .size_bytes = 0x1000},
	 0,
	 "region other, gpa 0x0 to 0xfff, overlaps region low, gpa 0x0 to "
	 "0x1fff: .gpa of both is 0, set it"},
	/* the numbers and the advice fit however long the names are */
	{{.name = "a name of sixty-three bytes, which is as long as it can be "
		  "here",
	  .size_bytes = 0x1000},
	 0,
	 "region a name of sixty-three bytes, wh, gpa 0x0 to 0xfff, overlaps "
	 "region low, gpa 0x0 to 0x1fff: .gpa of both is 0, set it"},
};

static struct smudge_memory *two_regions(uint32_t *ids)
{
	struct smudge_region_options o = {.size = sizeof(o),
					  .name = "low",
					  .hva = HVA,
					  .size_bytes = 0x2000};
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	ids[0] = smudge_region_id(region);
	o.name = "ram";
	o.gpa = 0x200000;
	o.size_bytes = 0x400000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	ids[1] = smudge_region_id(region);
	return memory;
}

static void test_region_exists(void **state)
{
	struct smudge_region_options o = {.size = sizeof(o),
					  .name = "between",
					  .hva = HVA,
					  .gpa = 0x2000,
					  .size_bytes = 0x1fe000};
	struct smudge_region *region = NULL;
	uint32_t ids[2];
	struct smudge_memory *memory = two_regions(ids);

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct smudge_region_options wrong = taken[i].options;
		struct smudge_error err;
		int ret;

		wrong.size = sizeof(wrong);
		wrong.hva = HVA;
		ret = smudge_region_add(memory, &wrong, &region, &err);
		expect_sentence(&err, ret, -EEXIST, taken[i].sentence);
		assert_int_equal(err.region, ids[taken[i].by]);
	}
	assert_null(region);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 2);
	/* from where one ends to where the next begins */
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_exists)
