/* SPDX-License-Identifier: MIT */
/*
 * Queries of a map in one state, the fill that starts a migration, and the
 * memory that a map holds. next-dirty searches an empty map, next-clean a map
 * that a merge made all dirty.
 */
#include <stdio.h>
#include <stdlib.h>

#include <smudge/bitmap.h>

#include "bench.h"

static const struct pattern none = {"random", 0};
static const struct pattern all = {"random", 100};

static bool can_query(const struct contender *c)
{
	return c->next_dirty;
}

static bool can_fill(const struct contender *c)
{
	return c->fill;
}

static void merge_all(const struct contender *c, void *map, void *opaque)
{
	c->merge(map, opaque, 0);
}

static void take_first(const struct contender *c, void *map, void *opaque)
{
	c->take(map, 0);
}

static void fill_untimed(const struct contender *c, void *map, void *opaque)
{
	c->fill(map);
}

static uint64_t run_next_dirty(const struct contender *c, void *map,
			       void *opaque)
{
	struct smudge_run run = c->next_dirty(map);

	return bench_sum_run(run);
}

static uint64_t run_next_clean(const struct contender *c, void *map,
			       void *opaque)
{
	struct smudge_run run = c->next_clean(map);

	return bench_sum_run(run);
}

static uint64_t run_fill(const struct contender *c, void *map, void *opaque)
{
	c->fill(map);
	return 0;
}

static uint64_t run_take(const struct contender *c, void *map, void *opaque)
{
	return c->take(map, 0);
}

void bench_query_cases(uint64_t npages)
{
	uint64_t *bits = bench_pattern_bits(&all, npages);
	const struct bench_case cases[] = {
		{.name = "next-dirty",
		 .pattern = &none,
		 .npages = npages,
		 .applies = can_query,
		 .run = run_next_dirty,
		 .nrepeats = 10},
		{.name = "next-clean",
		 .pattern = &all,
		 .npages = npages,
		 .applies = can_query,
		 .start = merge_all,
		 .opaque = bits,
		 .run = run_next_clean},
		{.name = "fill",
		 .pattern = &all,
		 .npages = npages,
		 .applies = can_fill,
		 .prepare = take_first,
		 .run = run_fill},
		{.name = "fill-take",
		 .pattern = &all,
		 .npages = npages,
		 .applies = can_fill,
		 .prepare = fill_untimed,
		 .run = run_take},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!bench_interrupted && bench_wants_case(cases[i].name))
			bench_run(&cases[i]);
	free(bits);
}

static void memory_row(uint64_t npages, const char *state, size_t bytes)
{
	if (bench_settings.is_json)
		printf("{\"case\": \"memory\", \"pages\": %llu, \"state\": "
		       "\"%s\", \"bytes\": %zu}\n",
		       (unsigned long long)npages, state, bytes);
	else
		printf("%-16s %11llu pages, %-24s %12zu bytes resident\n",
		       "memory", (unsigned long long)npages, state, bytes);
}

/* The resident memory of this process, in bytes. */
static size_t process_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size = 0, resident = 0;

	if (file && fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * 4096;
}

void bench_memory_cases(uint64_t npages)
{
	uint64_t *bits = bench_pattern_bits(&all, npages);
	struct smudge_bitmap *bitmap;
	size_t before = process_bytes(), after;
	uint64_t state = 1;

	if (!bench_wants_case("memory") ||
	    smudge_bitmap_create(npages, &bitmap, NULL)) {
		free(bits);
		return;
	}
	memory_row(npages, "open, all clean",
		   smudge_bitmap_resident_bytes(bitmap));
	for (int i = 0; i < 1000; i++) {
		state = state * UINT64_C(6364136223846793005) + 12345;
		smudge_bitmap_mark(bitmap, (state >> 20) % npages);
	}
	memory_row(npages, "1000 random marks",
		   smudge_bitmap_resident_bytes(bitmap));
	smudge_bitmap_merge(&bitmap, 1, 0, bits, 0, npages);
	memory_row(npages, "100 % merged",
		   smudge_bitmap_resident_bytes(bitmap));
	smudge_bitmap_fill(bitmap);
	memory_row(npages, "filled", smudge_bitmap_resident_bytes(bitmap));
	smudge_bitmap_destroy(bitmap);
	after = process_bytes();
	memory_row(npages, "closed (process growth)",
		   after > before ? after - before : 0);
	free(bits);
}
