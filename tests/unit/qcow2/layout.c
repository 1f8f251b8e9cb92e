/* SPDX-License-Identifier: MIT */
/*
 * Layouts of small and huge images: refcounts cover everything and themselves,
 * with no block too many; nothing overlaps.
 */
#include "qcow2/layout.h"

#include "support.h"

static uint64_t ceil_div(uint64_t n, uint64_t by)
{
	return (n + by - 1) / by;
}

static void check_size(uint64_t n)
{
	struct smi_qcow2_refcounts_size size = smi_qcow2_refcounts_size(n);
	uint64_t all = n + size.nblocks + size.table_clusters;

	assert_int_equal(size.nblocks, ceil_div(all, 2048));
	assert_int_equal(size.table_clusters, ceil_div(size.nblocks, 512));
}

static void refcounts_cover_themselves(void **state)
{
	struct test_rng rng = test_rng_start("refcounts_cover_themselves");

	for (uint64_t n = 1; n < 10000; n++)
		check_size(n);
	/* Around one, two, ... clusters of the table. */
	for (uint64_t i = 1; i < 5; i++) {
		for (uint64_t n = i * 2048 * 512 - 2048; n < i * 2048 * 512;
		     n++)
			check_size(n);
	}
	for (unsigned int i = 0; i < 10000; i++)
		check_size(1 + test_rng_below(&rng, UINT64_C(1) << 40));
}

static void nothing_overlaps(void **state)
{
	struct smi_qcow2_layout at;
	struct smi_qcow2_map map;

	assert_int_equal(smi_qcow2_map_init(&map, UINT64_C(1) << 30, true), 0);
	assert_int_equal(smi_qcow2_map_set(&map, 5, 1 << 20), 0);
	assert_int_equal(smi_qcow2_map_set(&map, 5 << 20, 1 << 20), 0);
	assert_int_equal(smi_qcow2_map_zero(&map, 1 << 20, 1 << 20), 0);
	smi_qcow2_layout_init(&at, &map, UINT64_C(1) << 28);
	assert_int_equal(at.l2, 1 << 28);
	/* Two with data, and those of zeros. */
	assert_int_equal(at.nl2, 2 + (1 << 20) / 512);
	assert_int_equal(at.l1, at.l2 + at.nl2);
	assert_int_equal(at.l1_entries, 1 << 21);
	assert_int_equal(at.table, at.l1 + (1 << 12));
	assert_int_equal(at.blocks, at.table + at.refcounts.table_clusters);
	assert_int_equal(at.end, at.blocks + at.refcounts.nblocks);
	assert_true(at.refcounts.nblocks * 2048 >= at.end);
	smi_qcow2_map_clear(&map);
}

TEST_MAIN(refcounts_cover_themselves, nothing_overlaps)
