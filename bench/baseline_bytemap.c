/* SPDX-License-Identifier: MIT */
/*
 * bytemap, the way of 2010: one byte per page, with one bit per client. The
 * kernel's bitmap is copied into it bit by bit, the flags of both clients at
 * once; every consumer walks it page by page.
 */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define ALL_CLIENTS 3

struct bytemap {
	uint64_t npages;
	uint8_t *flags;
	struct smudge_run runs[BENCH_RUNS];
};

static void *bytemap_create(uint64_t npages)
{
	struct bytemap *bytemap = malloc(sizeof(*bytemap));

	bytemap->npages = npages;
	bytemap->flags = calloc(npages, 1);
	return bytemap;
}

static void bytemap_destroy(void *map)
{
	struct bytemap *bytemap = map;

	free(bytemap->flags);
	free(bytemap);
}

static void bytemap_merge(void *map, const uint64_t *bits,
			  unsigned int first_bit)
{
	struct bytemap *bytemap = map;
	uint64_t nwords = (bytemap->npages + first_bit + 63) / 64;

	for (uint64_t i = 0; i < nwords; i++) {
		uint64_t word = bits[i];

		if (i == 0)
			word &= ~UINT64_C(0) << first_bit;
		while (word) {
			uint64_t page = i * 64 +
					(uint64_t)__builtin_ctzll(word) -
					first_bit;

			word &= word - 1;
			if (page < bytemap->npages)
				bytemap->flags[page] |= ALL_CLIENTS;
		}
	}
}

static uint64_t bytemap_take(void *map, unsigned int client)
{
	struct bytemap *bytemap = map;
	struct bench_runs out = {.runs = bytemap->runs};
	uint8_t flag = (uint8_t)(1U << client);
	uint64_t first = 0;
	bool is_open = false;

	for (uint64_t i = 0; i < bytemap->npages; i++) {
		bool is_dirty = bytemap->flags[i] & flag;

		if (is_dirty)
			bytemap->flags[i] &= (uint8_t)~flag;
		if (is_dirty == is_open)
			continue;
		if (is_open)
			bench_runs_add(&out, first, i);
		first = i;
		is_open = is_dirty;
	}
	if (is_open)
		bench_runs_add(&out, first, bytemap->npages);
	return bench_runs_finish(&out);
}

static void bytemap_mark(void *map, uint64_t first_page, uint64_t npages)
{
	struct bytemap *bytemap = map;

	memset(bytemap->flags + first_page, ALL_CLIENTS, npages);
}

static void bytemap_fill(void *map)
{
	struct bytemap *bytemap = map;

	memset(bytemap->flags, ALL_CLIENTS, bytemap->npages);
}

const struct contender contender_bytemap = {
	.name = "bytemap",
	.create = bytemap_create,
	.destroy = bytemap_destroy,
	.merge = bytemap_merge,
	.take = bytemap_take,
	.mark = bytemap_mark,
	.fill = bytemap_fill,
};
