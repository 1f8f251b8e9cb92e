/* SPDX-License-Identifier: MIT */
/*
 * Where memory lies in files of each layout, around the hole of x86 guests.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include "layers/layout.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

static void words(void **state)
{
	static const char *const known[] = {"flat", "qemu", "firecracker",
					    "cloud-hypervisor"};
	enum layers_layout layout;

	for (size_t i = 0; i < 4; i++) {
		assert_true(layers_layout_parse(known[i], &layout));
		assert_int_equal(layout, i);
		assert_string_equal(layers_layout_name(layout), known[i]);
	}
	assert_false(layers_layout_parse("raw", &layout));
	assert_false(layers_layout_parse("", &layout));
}

static void places(void **state)
{
	struct layers_range ranges[] = {
		{.gpa = 0, .nbytes = 3 * GIB},
		{.gpa = 4 * GIB, .nbytes = GIB},
		{.gpa = 8 * GIB, .nbytes = MIB},
	};
	uint64_t nbytes = 1;

	assert_int_equal(layers_layout_place(LAYERS_FLAT, ranges, 3, &nbytes),
			 0);
	assert_true(nbytes == 8 * GIB + MIB);
	for (size_t i = 0; i < 3; i++)
		assert_true(ranges[i].file_off == ranges[i].gpa);
	for (int layout = LAYERS_QEMU; layout <= LAYERS_CLOUD_HYPERVISOR;
	     layout++) {
		assert_int_equal(layers_layout_place((enum layers_layout)layout,
						     ranges, 3, &nbytes),
				 0);
		assert_true(nbytes == 4 * GIB + MIB);
		assert_true(ranges[1].file_off == 3 * GIB);
		assert_true(ranges[2].file_off == 4 * GIB);
	}
	assert_int_equal(layers_layout_place(LAYERS_FLAT, ranges, 0, &nbytes),
			 0);
	assert_true(nbytes == 0);
}

static void too_large(void **state)
{
	struct layers_range ranges[] = {
		{.gpa = 0, .nbytes = INT64_MAX - 4095},
		{.gpa = UINT64_C(1) << 63, .nbytes = 8192},
	};
	uint64_t nbytes;

	assert_int_equal(layers_layout_place(LAYERS_FLAT, ranges, 2, &nbytes),
			 -EFBIG);
	assert_int_equal(
		layers_layout_place(LAYERS_FIRECRACKER, ranges, 2, &nbytes),
		-EFBIG);
}

/* What was placed is divided at the same places. */
static void check_split(enum layers_layout layout, uint64_t low_bytes,
			uint64_t high_bytes)
{
	struct layers_range placed[LAYERS_MAX_SPLIT] = {
		{.gpa = 0, .nbytes = low_bytes},
		{.gpa = 4 * GIB, .nbytes = high_bytes, .region = 1},
	};
	struct layers_range found[LAYERS_MAX_SPLIT];
	size_t n = (low_bytes != 0) + (high_bytes != 0);
	uint64_t nbytes;

	memset(found, 0xff, sizeof(found));
	assert_int_equal(layers_layout_place(layout, placed, n, &nbytes), 0);
	assert_int_equal(layers_layout_split(layout, nbytes, found), n);
	assert_memory_equal(found, placed, n * sizeof(*found));
}

static void splits(void **state)
{
	static const enum layers_layout layouts[] = {
		LAYERS_FLAT, LAYERS_FIRECRACKER, LAYERS_CLOUD_HYPERVISOR};
	struct layers_range found[LAYERS_MAX_SPLIT];

	for (size_t i = 0; i < 3; i++) {
		check_split(layouts[i], 0, 0);
		check_split(layouts[i], 4096, 0);
		check_split(layouts[i], 3 * GIB, 0);
		check_split(layouts[i], 3 * GIB, 4096);
		check_split(layouts[i], 3 * GIB, 100 * GIB);
	}
	/* where QEMU divides its memory depends on the machine */
	assert_int_equal(layers_layout_split(LAYERS_QEMU, 8 * GIB, found), 1);
	assert_true(found[0].gpa == 0 && found[0].nbytes == 8 * GIB);
}

TEST_MAIN(words, places, too_large, splits)
