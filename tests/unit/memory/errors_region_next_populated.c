/* SPDX-License-Identifier: MIT */
/*
 * smudge_region_next_populated: a range outside of the region is refused, and
 * the answer is left alone; memory that only its owner knows is populated.
 */
#include "support.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <smudge/smudge.h>

#include "sentence.h"

#define NPAGES 8

static int read_zeros(void *opaque, uint64_t offset_bytes, size_t length_bytes,
		      void *buffer, struct smudge_error *err)
{
	return 0;
}

static struct smudge_memory *memory;
static struct smudge_region *region;

static int set_up(void **state)
{
	const struct smudge_region_options options = {.size = sizeof(options),
						      .name = "far",
						      .size_bytes =
							      NPAGES * 4096,
						      .read = read_zeros};

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return 0;
}

static void range(void **state)
{
	static const uint64_t ranges[][2] = {
		{0, NPAGES + 1}, {NPAGES + 1, NPAGES + 1}, {3, 2},
		{0, UINT64_MAX}, {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, 0},
	};
	struct smudge_run run = {77, 78};
	struct smudge_error err;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		assert_int_equal(
			smudge_region_next_populated(region, ranges[i][0],
						     ranges[i][1], &run, &err),
			-EINVAL);
		assert_int_equal(err.code, -EINVAL);
	}
	expect_sentence(
		&err, smudge_region_next_populated(region, 2, 9, &run, &err),
		-EINVAL, "pages 2 to 9 are not in region far of 8 pages");
	assert_int_equal(run.first_page, 77);
	assert_int_equal(run.npages, 78);
}

static void elsewhere(void **state)
{
	struct smudge_run run = {77, 78};

	assert_int_equal(smudge_region_next_populated(region, 3, 3, &run, NULL),
			 0);
	assert_int_equal(run.first_page, 77);
	assert_int_equal(smudge_region_next_populated(region, 3, 7, &run, NULL),
			 1);
	assert_int_equal(run.first_page, 3);
	assert_int_equal(run.npages, 4);
}

/* Of an owner that knows: pages 2 and 3. */
static int find(void *opaque, uint64_t *first_page, uint64_t *end_page)
{
	assert_ptr_equal(opaque, &memory);
	if (*first_page > 3 || *end_page <= 2)
		return 0;
	if (*first_page < 2)
		*first_page = 2;
	if (*end_page > 4)
		*end_page = 4;
	return 1;
}

static void known(void **state)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "known",
		.gpa = 0x100000,
		.size_bytes = NPAGES * 4096,
		.read = read_zeros,
		.read_opaque = &memory,
		.next_populated = find,
	};
	struct smudge_run run = {77, 78};
	struct smudge_region *own;

	assert_int_equal(smudge_region_add(memory, &options, &own, NULL), 0);
	assert_int_equal(smudge_region_next_populated(own, 4, 8, &run, NULL),
			 0);
	assert_int_equal(smudge_region_next_populated(own, 0, 2, &run, NULL),
			 0);
	assert_int_equal(run.first_page, 77);
	assert_int_equal(smudge_region_next_populated(own, 0, 8, &run, NULL),
			 1);
	assert_int_equal(run.first_page, 2);
	assert_int_equal(run.npages, 2);
	assert_int_equal(smudge_region_next_populated(own, 3, 8, &run, NULL),
			 1);
	assert_int_equal(run.first_page, 3);
	assert_int_equal(run.npages, 1);
}

TEST_MAIN_WITH(set_up, tear_down, range, elsewhere, known)
