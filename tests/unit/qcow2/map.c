/* SPDX-License-Identifier: MIT */
/*
 * The L2 tables in memory against a flat array of entries: entries of all
 * kinds, zeros over parts and whole tables, with a backing file and without.
 */
#include "qcow2/map.h"

#include <string.h>

#include "qcow2/entry.h"
#include "support.h"

#define NPAGES 2100 /* the last table in part */

static uint64_t flat[NPAGES];

static uint64_t draw_entry(struct test_rng *rng)
{
	uint64_t off = 4096 * (1 + test_rng_below(rng, 1000));

	if (test_rng_below(rng, 2))
		return smi_qcow2_entry_raw(off);
	return smi_qcow2_entry_compressed(off + test_rng_below(rng, 4096), 700);
}

static void compare(const struct smi_qcow2_map *map)
{
	uint64_t data = 0, compressed = 0;

	for (uint64_t i = 0; i < NPAGES; i++) {
		assert_int_equal(smi_qcow2_map_get(map, i), flat[i]);
		data += flat[i] > SMI_QCOW2_ZERO;
		compressed += !!(flat[i] & SMI_QCOW2_COMPRESSED);
	}
	assert_int_equal(map->data_pages, data);
	assert_int_equal(map->compressed_pages, compressed);
}

static void step(struct test_rng *rng, struct smi_qcow2_map *map)
{
	uint64_t n = test_rng_below(rng, test_rng_below(rng, 2) ? 20 : NPAGES);
	uint64_t first = test_rng_below(rng, NPAGES - n + 1);
	bool zero = test_rng_below(rng, 4) == 0;

	if (zero)
		assert_int_equal(smi_qcow2_map_zero(map, first, n), 0);
	for (uint64_t i = first; i < first + n; i++) {
		flat[i] = map->has_backing ? SMI_QCOW2_ZERO : 0;
		if (zero)
			continue;
		flat[i] = draw_entry(rng);
		assert_int_equal(smi_qcow2_map_set(map, i, flat[i]), 0);
	}
}

static void run(const char *name, bool has_backing)
{
	struct test_rng rng = test_rng_start(name);
	struct smi_qcow2_map map;

	assert_int_equal(smi_qcow2_map_init(&map, NPAGES, has_backing), 0);
	memset(flat, 0, sizeof(flat));
	for (unsigned int i = test_rounds(400); i; i--) {
		step(&rng, &map);
		compare(&map);
	}
	smi_qcow2_map_clear(&map);
}

static void alone(void **state)
{
	run("alone", false);
}

static void over_another(void **state)
{
	run("over_another", true);
}

/* A table that reads as zeros is not the map's own, so it costs nothing. */
static void zeros_cost_nothing(void **state)
{
	struct smi_qcow2_map map;

	assert_int_equal(smi_qcow2_map_init(&map, NPAGES, true), 0);
	assert_int_equal(smi_qcow2_map_set(&map, 600, UINT64_C(1) << 20), 0);
	assert_int_equal(smi_qcow2_map_zero(&map, 0, NPAGES), 0);
	for (uint64_t i = 0; i < NPAGES / 512; i++)
		assert_true(smi_qcow2_map_is_zeros(&map, i));
	/* Its last pages are beyond the disk. */
	assert_true(smi_qcow2_map_is_own(&map, NPAGES / 512));
	assert_int_equal(map.data_pages, 0);
	smi_qcow2_map_clear(&map);
}

TEST_MAIN(alone, over_another, zeros_cost_nothing)
