/* SPDX-License-Identifier: MIT */
/*
 * Options that make no region: -EINVAL, a sentence for each cause, and the
 * memory stays empty.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "sentence.h"

#define HVA  ((void *)(uintptr_t)0x200000000)
#define GPA  0x200000
#define SIZE 0x400000

#define LONG_NAME \
	"a name of sixty-four bytes, which is one more than the limit is set"

static int read_nothing(void *opaque, uint64_t offset_bytes,
			size_t length_bytes, void *buffer,
			struct smudge_error *err)
{
	return -EIO;
}

static int find_nothing(void *opaque, uint64_t *first_page, uint64_t *end_page)
{
	return 0;
}

static const struct wrong {
	struct smudge_region_options options;
	const char *sentence;
} wrong[] = {
	{{.name = NULL, .hva = HVA, .gpa = GPA, .size_bytes = SIZE},
	 "a region needs a name: .name is NULL"},
	{{.name = "", .hva = HVA, .gpa = GPA, .size_bytes = SIZE},
	 "a region needs a name: .name is empty"},
	{{.name = LONG_NAME, .hva = HVA, .gpa = GPA, .size_bytes = SIZE},
	 "region a name of sixty-four bytes, whi...: its name has 67 bytes, "
	 "and 63 are allowed"},
	{{.name = "ram", .hva = NULL, .gpa = GPA, .size_bytes = SIZE},
	 "region ram: .hva is NULL, set it to where its memory is mapped"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = GPA,
	  .size_bytes = SIZE,
	  .read = read_nothing},
	 "region ram: it has both .hva and .read, and needs one of them"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = GPA,
	  .size_bytes = SIZE,
	  .next_populated = find_nothing},
	 "region ram: .next_populated is for a region with .read, and it has "
	 ".hva"},
	{{.name = "ram",
	  .hva = (char *)HVA + 1,
	  .gpa = GPA,
	  .size_bytes = SIZE},
	 "region ram: hva 0x200000001 is not a multiple of 4096"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = GPA,
	  .size_bytes = SIZE,
	  .page_shift = 11},
	 "region ram: page_shift 11 is not from 12 (4 KiB) to 30 (1 GiB)"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = GPA,
	  .size_bytes = SIZE,
	  .page_shift = 31},
	 "region ram: page_shift 31 is not from 12 (4 KiB) to 30 (1 GiB)"},
	{{.name = "ram", .hva = HVA, .gpa = GPA},
	 "region ram: .size_bytes is 0, set it to the length of its memory"},
	{{.name = "ram", .hva = HVA, .gpa = GPA, .size_bytes = SIZE + 1},
	 "region ram: size_bytes 0x400001 is not a multiple of its page size "
	 "0x1000"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = 0,
	  .size_bytes = SIZE,
	  .page_shift = 30},
	 "region ram: size_bytes 0x400000 is not a multiple of its page size "
	 "0x40000000"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = 0,
	  .size_bytes = (SMUDGE_BITMAP_MAX_PAGES + 1) << 12},
	 "region ram: size_bytes 0x10000000001000 is 1099511627777 pages, and "
	 "2^40 are allowed"},
	{{.name = "ram", .hva = HVA, .gpa = GPA + 1, .size_bytes = SIZE},
	 "region ram: gpa 0x200001 is not a multiple of its page size 0x1000"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = GPA,
	  .size_bytes = 1 << 30,
	  .page_shift = 30},
	 "region ram: gpa 0x200000 is not a multiple of its page size "
	 "0x40000000"},
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = UINT64_MAX - 0x1fffff,
	  .size_bytes = SIZE},
	 "region ram: 0x400000 bytes at gpa 0xffffffffffe00000 end beyond "
	 "2^64 - 1"},
	/* its end is 2^64 */
	{{.name = "ram",
	  .hva = HVA,
	  .gpa = UINT64_MAX - SIZE + 1,
	  .size_bytes = SIZE},
	 "region ram: 0x400000 bytes at gpa 0xffffffffffc00000 end beyond "
	 "2^64 - 1"},
	{{.name = "ram",
	  .hva = (void *)(UINTPTR_MAX - SIZE + 1),
	  .gpa = GPA,
	  .size_bytes = SIZE},
	 "region ram: 0x400000 bytes at hva 0xffffffffffc00000 end beyond "
	 "2^64 - 1"},
	/* where it may grow to */
	{{.name = "ram",
	  .hva = (void *)(UINTPTR_MAX - 2 * SIZE + 1),
	  .gpa = GPA,
	  .size_bytes = SIZE,
	  .max_size_bytes = 2 * SIZE},
	 "region ram: 0x800000 bytes at hva 0xffffffffff800000 end beyond "
	 "2^64 - 1"},
};

static void test_region_invalid(void **state)
{
	const struct smudge_region_options good = {
		.size = sizeof(good),
		.name = "ram",
		.hva = HVA,
		.gpa = GPA,
		.size_bytes = SIZE,
	};
	struct smudge_memory *memory;
	struct smudge_region *region = NULL;

	assert_int_equal(smudge_memory_create(&memory), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct smudge_region_options o = wrong[i].options;
		struct smudge_error err;
		int ret;

		o.size = sizeof(o);
		ret = smudge_region_add(memory, &o, &region, &err);
		expect_sentence(&err, ret, -EINVAL, wrong[i].sentence);
		assert_int_equal(smudge_region_add(memory, &o, &region, NULL),
				 -EINVAL);
	}
	assert_null(region);
	assert_int_equal(smudge_memory_regions(memory, NULL, 0), 0);
	assert_int_equal(smudge_region_add(memory, &good, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* What it may grow to is as bounded as its size. */
static void test_max_size_invalid(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region = NULL;
	struct smudge_region_options o = {
		.size = sizeof(o),
		.name = "ram",
		.hva = (void *)(uintptr_t)0x200000000,
		.gpa = 0x200000,
		.size_bytes = 0x400000,
	};

	assert_int_equal(smudge_memory_create(&memory), 0);
	o.max_size_bytes = o.size_bytes - 0x1000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o.max_size_bytes = o.size_bytes + 0x800;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o.max_size_bytes = UINT64_MAX - 0x200fff; /* ends one page too far */
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	o.gpa = 0;
	o.max_size_bytes = (UINT64_C(1) << 52) + 0x1000;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), -EINVAL);
	assert_null(region);
	o.max_size_bytes = UINT64_C(1) << 52;
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_invalid, test_max_size_invalid)
