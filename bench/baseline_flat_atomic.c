/* SPDX-License-Identifier: MIT */
/*
 * flat-atomic, QEMU's way today: one flat bitmap per client. A merge does one
 * atomic OR per client and non-zero word; a misaligned merge goes bit by bit. A
 * take exchanges each non-zero word of the range, then walks the copy page by
 * page with find-next-bit and test-and-clear.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct flat {
	uint64_t npages;
	uint64_t nwords;
	_Atomic uint64_t *words[BENCH_CLIENTS];
	uint64_t *copy;
	struct smudge_run runs[BENCH_RUNS];
};

static void *flat_create(uint64_t npages)
{
	struct flat *flat = malloc(sizeof(*flat));

	flat->npages = npages;
	flat->nwords = (npages + 63) / 64;
	for (int i = 0; i < BENCH_CLIENTS; i++)
		flat->words[i] = calloc(flat->nwords + 1, 8);
	flat->copy = calloc(flat->nwords + 1, 8);
	return flat;
}

static void flat_destroy(void *map)
{
	struct flat *flat = map;

	for (int i = 0; i < BENCH_CLIENTS; i++)
		free(flat->words[i]);
	free(flat->copy);
	free(flat);
}

static void merge_bit_by_bit(struct flat *flat, const uint64_t *bits,
			     unsigned int first_bit)
{
	uint64_t nwords = (flat->npages + first_bit + 63) / 64;

	for (uint64_t i = 0; i < nwords; i++) {
		uint64_t word = bits[i];

		if (i == 0)
			word &= ~UINT64_C(0) << first_bit;
		while (word) {
			uint64_t bit = i * 64 +
				       (uint64_t)__builtin_ctzll(word) -
				       first_bit;

			word &= word - 1;
			if (bit >= flat->npages)
				return;
			/* seq_cst: a full barrier, as the original's */
			for (int n = 0; n < BENCH_CLIENTS; n++)
				atomic_fetch_or_explicit(
					&flat->words[n][bit / 64],
					UINT64_C(1) << bit % 64,
					memory_order_seq_cst);
		}
	}
}

static void flat_merge(void *map, const uint64_t *bits, unsigned int first_bit)
{
	struct flat *flat = map;

	if (first_bit) {
		merge_bit_by_bit(flat, bits, first_bit);
		return;
	}
	for (uint64_t i = 0; i < flat->nwords; i++) {
		if (!bits[i])
			continue;
		/* seq_cst: a full barrier, as the original's */
		for (int n = 0; n < BENCH_CLIENTS; n++)
			atomic_fetch_or_explicit(&flat->words[n][i], bits[i],
						 memory_order_seq_cst);
	}
}

/* The first bit that is set (flip 0) or clear (flip ~0) in [from, npages). */
static inline uint64_t find_next(const uint64_t *words, uint64_t npages,
				 uint64_t from, uint64_t flip)
{
	uint64_t i = from / 64, nwords = (npages + 63) / 64, word;

	if (from >= npages)
		return npages;
	word = (words[i] ^ flip) & ~UINT64_C(0) << from % 64;
	while (!word) {
		if (++i >= nwords)
			return npages;
		word = words[i] ^ flip;
	}
	from = i * 64 + (uint64_t)__builtin_ctzll(word);
	return from < npages ? from : npages;
}

/* Move the client's words to the copy. */
static void exchange_words(struct flat *flat, unsigned int client)
{
	for (uint64_t i = 0; i < flat->nwords; i++) {
		/* relaxed: the test before the exchange is only a hint */
		if (!atomic_load_explicit(&flat->words[client][i],
					  memory_order_relaxed))
			continue;
		/* seq_cst: a full barrier, as the original's */
		flat->copy[i] = atomic_exchange_explicit(
			&flat->words[client][i], 0, memory_order_seq_cst);
	}
}

/* Page by page: find the next bit and clear it; neighbours become a run. */
static uint64_t flat_take(void *map, unsigned int client)
{
	struct flat *flat = map;
	struct bench_runs out = {.runs = flat->runs};
	uint64_t first = 0, end = 0;

	exchange_words(flat, client);
	for (uint64_t at = find_next(flat->copy, flat->npages, 0, 0);
	     at < flat->npages;
	     at = find_next(flat->copy, flat->npages, at + 1, 0)) {
		flat->copy[at / 64] &= ~(UINT64_C(1) << at % 64);
		if (at != end || end == 0) {
			if (end)
				bench_runs_add(&out, first, end);
			first = at;
		}
		end = at + 1;
	}
	if (end)
		bench_runs_add(&out, first, end);
	return bench_runs_finish(&out);
}

static void or_atomic(_Atomic uint64_t *word, uint64_t mask)
{
	/* seq_cst: a full barrier, as the original's */
	atomic_fetch_or_explicit(word, mask, memory_order_seq_cst);
}

static void flat_mark(void *map, uint64_t first_page, uint64_t npages)
{
	struct flat *flat = map;
	uint64_t last = first_page + npages - 1;
	uint64_t head = ~UINT64_C(0) << first_page % 64;
	uint64_t tail = ~UINT64_C(0) >> (63 - last % 64);
	_Atomic uint64_t *words = flat->words[0];

	if (first_page / 64 == last / 64) {
		or_atomic(&words[first_page / 64], head & tail);
		return;
	}
	or_atomic(&words[first_page / 64], head);
	/* relaxed: whole words are stored, one barrier at the end */
	for (uint64_t i = first_page / 64 + 1; i < last / 64; i++)
		atomic_store_explicit(&words[i], ~UINT64_C(0),
				      memory_order_relaxed);
	or_atomic(&words[last / 64], tail);
}

static void flat_fill(void *map)
{
	struct flat *flat = map;

	memset(flat->words[0], 0xff, flat->npages / 8);
	for (uint64_t i = flat->npages / 64 * 64; i < flat->npages; i++)
		or_atomic(&flat->words[0][i / 64], UINT64_C(1) << i % 64);
}

static struct smudge_run next_run(struct flat *flat, uint64_t flip)
{
	const uint64_t *words = (const uint64_t *)flat->words[0];
	uint64_t first = find_next(words, flat->npages, 0, flip);
	uint64_t end = find_next(words, flat->npages, first, ~flip);

	return (struct smudge_run){first, end - first};
}

static struct smudge_run flat_next_dirty(void *map)
{
	return next_run(map, 0);
}

static struct smudge_run flat_next_clean(void *map)
{
	return next_run(map, ~UINT64_C(0));
}

const struct contender contender_flat_atomic = {
	"flat-atomic", flat_create, flat_destroy,    flat_merge,      flat_take,
	flat_mark,     flat_fill,   flat_next_dirty, flat_next_clean,
};
