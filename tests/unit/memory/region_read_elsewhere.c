/* SPDX-License-Identifier: MIT */
/*
 * A region that this process does not map: its content comes from its read
 * operation, by pages and by bytes, and so does what a migration sends. What
 * the operation returns is checked.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/smudge.h>

#include "sentence.h"

#define NPAGES	   8
#define PAGE_BYTES 4096

static uint8_t elsewhere[NPAGES * PAGE_BYTES];
static int returns;
static const char *says;
static uint64_t ncalls;

static int read_elsewhere(void *opaque, uint64_t offset_bytes,
			  size_t length_bytes, void *buffer,
			  struct smudge_error *err)
{
	assert_ptr_equal(opaque, elsewhere);
	assert_true(offset_bytes + length_bytes <= sizeof(elsewhere));
	ncalls++;
	if (returns)
		return says ? smudge_error_set(err, returns, "test", "%s", says)
			    : returns;
	memcpy(buffer, elsewhere + offset_bytes, length_bytes);
	return 0;
}

static struct smudge_memory *memory;
static struct smudge_region *region;

static int set_up(void **state)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "far",
		.gpa = 0x7000000,
		.size_bytes = sizeof(elsewhere),
		.max_size_bytes = UINT64_C(1) << 40,
		.read = read_elsewhere,
		.read_opaque = elsewhere,
	};

	returns = 0;
	says = NULL;
	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	return 0;
}

static void content(void **state)
{
	static uint8_t copy[sizeof(elsewhere)];
	struct test_rng rng = test_rng_start(__func__);

	for (size_t i = 0; i < sizeof(elsewhere); i++)
		elsewhere[i] = (uint8_t)test_rng_next(&rng);
	assert_null(smudge_region_hva(region));
	assert_int_equal(smudge_region_read(region, 0, NPAGES, copy, NULL), 0);
	assert_memory_equal(copy, elsewhere, sizeof(copy));
	for (int i = 0; i < 1000; i++) {
		size_t at = test_rng_below(&rng, sizeof(elsewhere));
		size_t n = test_rng_below(&rng, sizeof(elsewhere) - at + 1);

		assert_int_equal(
			smudge_region_read_bytes(region, at, n, copy, NULL), 0);
		assert_memory_equal(copy, elsewhere + at, n);
	}
}

/* A range outside never comes to the operation. */
static void outside(void **state)
{
	uint8_t copy[PAGE_BYTES];

	ncalls = 0;
	assert_int_equal(smudge_region_read(region, NPAGES, 1, copy, NULL),
			 -EINVAL);
	assert_int_equal(smudge_region_read_bytes(region, sizeof(elsewhere) - 1,
						  2, copy, NULL),
			 -EINVAL);
	assert_int_equal(ncalls, 0);
}

static void failures(void **state)
{
	struct smudge_error err;
	uint8_t copy[PAGE_BYTES];
	int ret;

	returns = -ESRCH;
	ret = smudge_region_read(region, 2, 1, copy, &err);
	expect_sentence(&err, ret, -ESRCH, "cannot read region far");
	assert_int_equal(err.region, smudge_region_id(region));
	assert_int_equal(err.page, 2);
	says = "it went away";
	ret = smudge_region_read_bytes(region, 0, 5, copy, &err);
	expect_sentence(&err, ret, -ESRCH, "it went away");
	returns = 17;
	assert_int_equal(smudge_region_read(region, 0, 1, copy, &err), -EIO);
	assert_int_equal(smudge_region_read(region, 0, 1, copy, NULL), -EIO);
}

/* It grows like any other; there is no address that could wrap. */
static void resized(void **state)
{
	assert_int_equal(smudge_region_resize(region, NPAGES / 2, NULL), 0);
	assert_int_equal(smudge_region_resize(region, NPAGES, NULL), 0);
	assert_null(smudge_region_hva(region));
}

TEST_MAIN_WITH(set_up, tear_down, content, outside, failures, resized)
