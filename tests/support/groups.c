/* SPDX-License-Identifier: MIT */
/*
 * Groups drawn by kind: clean, full, sparse, dense, and runs of bits.
 */
#include "groups.h"

#include <string.h>

static uint64_t draw_sparse(struct test_rng *rng, uint64_t per_million)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 64; i++)
		word |= (uint64_t)(test_rng_below(rng, 1000000) < per_million)
			<< i;
	return word;
}

/* A few runs, so that words are ones, zeros, or change once or twice. */
static void draw_runs(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	size_t at = 0;

	memset(words, 0, nwords * 8);
	while (at < nwords * 64) {
		size_t gap = (size_t)test_rng_below(rng, 200);
		size_t run = (size_t)test_rng_below(rng, 400);

		for (at += gap; run-- && at < nwords * 64; at++)
			words[at / 64] |= UINT64_C(1) << at % 64;
	}
}

static uint64_t draw_odd_word(struct test_rng *rng)
{
	static const uint64_t odd[] = {0,
				       ~UINT64_C(0),
				       1,
				       UINT64_C(1) << 63,
				       ~UINT64_C(0) >> 1,
				       ~UINT64_C(1),
				       UINT64_C(0x5555555555555555),
				       UINT64_C(0xaaaaaaaaaaaaaaaa)};
	uint64_t kind = test_rng_below(rng, 9);

	return kind < 8 ? odd[kind] : test_rng_next(rng);
}

/* Exactly so many edges per word as drawn: every count, every way to store. */
static void draw_edges(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	uint64_t most = test_rng_below(rng, 65);
	bool dirty = false;

	for (size_t i = 0; i < nwords; i++) {
		uint64_t left = most ? test_rng_below(rng, most + 1) : 0;

		words[i] = 0;
		for (unsigned int bit = 0; bit < 64; bit++) {
			if (test_rng_below(rng, 64 - bit) < left) {
				dirty = !dirty;
				left--;
			}
			words[i] |= (uint64_t)dirty << bit;
		}
	}
}

void group_draw(struct test_rng *rng, uint64_t *words, size_t nwords)
{
	static const uint64_t per_million[] = {100,    1000,   3000,   6000,
					       10000,  30000,  60000,  100000,
					       250000, 500000, 900000, 999000};
	uint64_t kind = test_rng_below(rng, 20);
	uint64_t same = draw_odd_word(rng);

	if (kind == 16)
		draw_runs(rng, words, nwords);
	if (kind >= 17)
		draw_edges(rng, words, nwords);
	for (size_t i = 0; i < nwords && kind < 16; i++) {
		if (kind < 12)
			words[i] = draw_sparse(rng, per_million[kind]);
		else if (kind < 14)
			words[i] = draw_odd_word(rng);
		else if (kind == 14)
			words[i] = same;
		else
			words[i] = test_rng_below(rng, 4) ? 0 : same;
	}
}

struct smi_group group_naive(const uint64_t *words)
{
	struct smi_group g = {0, 0};

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		if (words[i] == ~UINT64_C(0))
			g.ones |= UINT64_C(1) << i;
		else if (words[i])
			g.mixed |= UINT64_C(1) << i;
	}
	return g;
}

bool group_is_same(struct smi_group a, struct smi_group b)
{
	return a.mixed == b.mixed && a.ones == b.ones;
}

struct smi_group group_keep(struct test_rng *rng, const uint64_t *words,
			    struct smi_store store)
{
	struct smi_group g = group_naive(words);
	unsigned int nmixed = (unsigned int)__builtin_popcountll(g.mixed);
	unsigned int slot = 0;

	for (unsigned int i = 0; i < SMI_PACKED_WORDS; i++)
		store.packed[i] = draw_odd_word(rng);
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		store.spread[i] = draw_odd_word(rng);
		if (!(g.mixed >> i & 1))
			continue;
		if (nmixed > SMI_PACKED_WORDS)
			store.spread[i] = words[i];
		else
			store.packed[slot++] = words[i];
	}
	return g;
}

bool group_is_kept(struct smi_group g, struct smi_store store,
		   const uint64_t *words)
{
	unsigned int nmixed = (unsigned int)__builtin_popcountll(g.mixed);
	unsigned int slot = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		uint64_t word;

		if (!(g.mixed >> i & 1))
			continue;
		word = nmixed > SMI_PACKED_WORDS ? store.spread[i]
						 : store.packed[slot++];
		if (word != words[i])
			return false;
	}
	return group_is_same(g, group_naive(words));
}

void group_thin_out(struct test_rng *rng, uint64_t *words)
{
	uint64_t which = test_rng_next(rng) | test_rng_next(rng);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		if (!(which >> i & 1))
			words[i] = 0;
}
