/* SPDX-License-Identifier: MIT */
/*
 * roaring: one compressed CRoaring set per client. It has no call that adds
 * words, so a merge adds the set bits: single ones in blocks, long runs
 * as ranges. A take reads the set with its block iterator, joins neighbours,
 * and clears it. Numbers are 32 bits: no map beyond 2^32 pages.
 */
#include <stdlib.h>

#include <roaring/roaring.h>

#include "bench.h"

#define BLOCK 4096

struct roaring {
	uint64_t npages;
	roaring_bitmap_t *set[BENCH_CLIENTS];
	uint32_t block[BLOCK + 64];
	struct smudge_run runs[BENCH_RUNS];
};

static void *create(uint64_t npages)
{
	struct roaring *roaring = malloc(sizeof(*roaring));

	roaring->npages = npages;
	for (int i = 0; i < BENCH_CLIENTS; i++)
		roaring->set[i] = roaring_bitmap_create();
	return roaring;
}

static void destroy(void *map)
{
	struct roaring *roaring = map;

	for (int i = 0; i < BENCH_CLIENTS; i++)
		roaring_bitmap_free(roaring->set[i]);
	free(roaring);
}

static void add_block(struct roaring *roaring, size_t count)
{
	for (int i = 0; count && i < BENCH_CLIENTS; i++)
		roaring_bitmap_add_many(roaring->set[i], count, roaring->block);
}

static void add_range(struct roaring *roaring, uint64_t first, uint64_t end)
{
	for (int i = 0; i < BENCH_CLIENTS; i++)
		roaring_bitmap_add_range(roaring->set[i], first, end);
}

static void merge(void *map, const uint64_t *bits, unsigned int first_bit)
{
	struct roaring *roaring = map;
	uint64_t nwords = (roaring->npages + 63) / 64;
	size_t count = 0;

	for (uint64_t i = 0; i < nwords; i++) {
		uint64_t word = bits[i], end = i;

		while (end < nwords && bits[end] == ~UINT64_C(0))
			end++;
		if (end > i) {
			add_range(roaring, i * 64, end * 64);
			i = end - 1;
			continue;
		}
		for (; word; word &= word - 1)
			roaring->block[count++] =
				(uint32_t)(i * 64 +
					   (uint64_t)__builtin_ctzll(word));
		if (count >= BLOCK) {
			add_block(roaring, count);
			count = 0;
		}
	}
	add_block(roaring, count);
}

static uint64_t take(void *map, unsigned int client)
{
	struct roaring *roaring = map;
	struct bench_runs out = {.runs = roaring->runs};
	roaring_uint32_iterator_t *it =
		roaring_create_iterator(roaring->set[client]);
	uint64_t first = 0, end = 0;
	uint32_t n;

	while ((n = roaring_read_uint32_iterator(it, roaring->block, BLOCK))) {
		for (uint32_t i = 0; i < n; i++) {
			uint64_t at = roaring->block[i];

			if (at != end || end == 0) {
				if (end)
					bench_runs_add(&out, first, end);
				first = at;
			}
			end = at + 1;
		}
	}
	if (end)
		bench_runs_add(&out, first, end);
	roaring_free_uint32_iterator(it);
	roaring_bitmap_clear(roaring->set[client]);
	return bench_runs_finish(&out);
}

static void mark(void *map, uint64_t first_page, uint64_t npages)
{
	struct roaring *roaring = map;

	roaring_bitmap_add_range(roaring->set[0], first_page,
				 first_page + npages);
}

static void fill(void *map)
{
	struct roaring *roaring = map;

	roaring_bitmap_add_range(roaring->set[0], 0, roaring->npages);
}

const struct contender contender_roaring = {
	.name = "roaring",
	.create = create,
	.destroy = destroy,
	.merge = merge,
	.take = take,
	.mark = mark,
	.fill = fill,
};
