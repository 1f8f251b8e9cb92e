/* SPDX-License-Identifier: MIT */
/*
 * Two that model vm-memory and its users.
 *
 * flat-ranges, cloud-hypervisor's way: a merge ORs the kernel's words into each
 * client's flat words; a take lists the positions of the set bits, word by
 * word, and joins neighbours to ranges.
 *
 * reset-every-word, vm-memory's get-and-reset: the bitmap is atomic, and a take
 * exchanges every word with 0, dirty or not, then makes ranges of them.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct ranges {
	uint64_t npages;
	uint64_t nwords;
	uint64_t *words[BENCH_CLIENTS];
	_Atomic uint64_t *atomics[BENCH_CLIENTS];
	uint64_t *copy;
	struct smudge_run runs[BENCH_RUNS];
};

static void *create(uint64_t npages, bool is_atomic)
{
	struct ranges *ranges = calloc(1, sizeof(*ranges));

	ranges->npages = npages;
	ranges->nwords = (npages + 63) / 64;
	for (int i = 0; i < BENCH_CLIENTS; i++) {
		if (is_atomic)
			ranges->atomics[i] = calloc(ranges->nwords, 8);
		else
			ranges->words[i] = calloc(ranges->nwords, 8);
	}
	if (is_atomic)
		ranges->copy = calloc(ranges->nwords, 8);
	return ranges;
}

static void *ranges_create(uint64_t npages)
{
	return create(npages, false);
}

static void *reset_create(uint64_t npages)
{
	return create(npages, true);
}

static void ranges_destroy(void *map)
{
	struct ranges *ranges = map;

	for (int i = 0; i < BENCH_CLIENTS; i++) {
		free(ranges->words[i]);
		free(ranges->atomics[i]);
	}
	free(ranges->copy);
	free(ranges);
}

static void ranges_merge(void *map, const uint64_t *bits,
			 unsigned int first_bit)
{
	struct ranges *ranges = map;

	for (int n = 0; n < BENCH_CLIENTS; n++)
		for (uint64_t i = 0; i < ranges->nwords; i++)
			ranges->words[n][i] |= bits[i];
}

static void reset_merge(void *map, const uint64_t *bits, unsigned int first_bit)
{
	struct ranges *ranges = map;

	for (uint64_t i = 0; i < ranges->nwords; i++) {
		if (!bits[i])
			continue;
		/* seq_cst: as the original's */
		for (int n = 0; n < BENCH_CLIENTS; n++)
			atomic_fetch_or_explicit(&ranges->atomics[n][i],
						 bits[i], memory_order_seq_cst);
	}
}

/* List the positions of the set bits, and join neighbours. */
static uint64_t join_positions(struct ranges *ranges, const uint64_t *words)
{
	struct bench_runs out = {.runs = ranges->runs};
	uint64_t first = 0, end = 0;

	for (uint64_t i = 0; i < ranges->nwords; i++) {
		for (uint64_t word = words[i]; word; word &= word - 1) {
			uint64_t at = i * 64 + (uint64_t)__builtin_ctzll(word);

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
	return bench_runs_finish(&out);
}

static uint64_t ranges_take(void *map, unsigned int client)
{
	struct ranges *ranges = map;
	uint64_t sum = join_positions(ranges, ranges->words[client]);

	memset(ranges->words[client], 0, ranges->nwords * 8);
	return sum;
}

static uint64_t reset_take(void *map, unsigned int client)
{
	struct ranges *ranges = map;

	/* seq_cst: as the original's */
	for (uint64_t i = 0; i < ranges->nwords; i++)
		ranges->copy[i] = atomic_exchange_explicit(
			&ranges->atomics[client][i], 0, memory_order_seq_cst);
	return join_positions(ranges, ranges->copy);
}

/* An atomic OR per word, with masks for the first and the last. */
static void reset_mark(void *map, uint64_t first_page, uint64_t npages)
{
	struct ranges *ranges = map;
	uint64_t last = first_page + npages - 1;

	for (uint64_t i = first_page / 64; i <= last / 64; i++) {
		uint64_t mask = ~UINT64_C(0);

		if (i == first_page / 64)
			mask &= ~UINT64_C(0) << first_page % 64;
		if (i == last / 64)
			mask &= ~UINT64_C(0) >> (63 - last % 64);
		/* seq_cst: as the original's */
		atomic_fetch_or_explicit(&ranges->atomics[0][i], mask,
					 memory_order_seq_cst);
	}
}

const struct contender contender_flat_ranges = {
	.name = "flat-ranges",
	.create = ranges_create,
	.destroy = ranges_destroy,
	.merge = ranges_merge,
	.take = ranges_take,
};

const struct contender contender_reset_every_word = {
	.name = "reset-every-word",
	.create = reset_create,
	.destroy = ranges_destroy,
	.merge = reset_merge,
	.take = reset_take,
	.mark = reset_mark,
};
