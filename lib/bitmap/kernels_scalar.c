/* SPDX-License-Identifier: MIT */
/*
 * The scalar kernels: the reference for every vector variant, and what runs
 * on processors without one.
 *
 * EDGES. A run starts or ends where a bit differs from the one before it:
 * e = w ^ (w << 1 | carry), with carry the last bit of the word before. A
 * word's runs so take one step an edge, not one a page.
 */
#include "bitmap/kernels.h"

#include <string.h>

static size_t skip_zero_groups(const uint64_t *words, size_t ngroups)
{
	size_t n = ngroups * SMI_GROUP_WORDS;
	size_t i = 0;

	while (i < n &&
	       !(words[i] | words[i + 1] | words[i + 2] | words[i + 3] |
		 words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7]))
		i += 8;
	return i / SMI_GROUP_WORDS;
}

static struct smi_group classify(const uint64_t *group)
{
	struct smi_group g = {0, 0};
	uint64_t some = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		some |= (uint64_t)(group[i] != 0) << i;
		g.ones |= (uint64_t)(group[i] == ~UINT64_C(0)) << i;
	}
	g.mixed = some & ~g.ones;
	return g;
}

static void shift_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		dst[i] = src[i] >> shift | src[i + 1] << (64 - shift);
}

static void prefetch(const uint64_t *group, uint64_t mixed, bool past_cache)
{
	(void)past_cache;
	if (__builtin_popcountll(mixed) > SMI_SPARSE_WORDS) {
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8)
			__builtin_prefetch(group + i, 1);
		return;
	}
	for (; mixed; mixed &= mixed - 1)
		__builtin_prefetch(group + __builtin_ctzll(mixed), 1);
}

void smi_or_group_sparse(uint64_t *dst, struct smi_group *g,
			 const uint64_t *src, struct smi_group add)
{
	uint64_t ones = g->ones | add.ones;

	for (uint64_t some = add.mixed & ~ones; some; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);
		uint64_t word = src[i];

		if (g->mixed >> i & 1)
			word |= dst[i];
		dst[i] = word;
		ones |= (uint64_t)(word == ~UINT64_C(0)) << i;
	}
	g->mixed = (g->mixed | add.mixed) & ~ones;
	g->ones = ones;
}

static void or_group(uint64_t *dst, struct smi_group *g, const uint64_t *src,
		     struct smi_group add, bool past_cache)
{
	(void)past_cache;
	smi_or_group_sparse(dst, g, src, add);
}

void smi_order_stores_nothing(void)
{
}

static size_t find_nonzero(const uint64_t *a, const uint64_t *b, size_t from,
			   size_t n)
{
	while (from < n && !(a[from] | b[from]))
		from++;
	return from;
}

static size_t find_not_ones(const uint64_t *words, size_t from, size_t n)
{
	while (from < n && words[from] == ~UINT64_C(0))
		from++;
	return from;
}

static uint64_t popcount(const uint64_t *group, uint64_t which)
{
	uint64_t n = 0;

	for (; which; which &= which - 1)
		n += (uint64_t)__builtin_popcountll(
			group[__builtin_ctzll(which)]);
	return n;
}

/* No word is mixed: the edges of the ones bits, 64 pages apart. */
static void take_edges_ones(uint64_t ones, uint32_t base,
			    struct smi_edges *edges)
{
	uint32_t *out = edges->next;
	uint64_t edge = ones ^ (ones << 1 | edges->open);

	for (; edge; edge &= edge - 1)
		*out++ = base + 64 * (uint32_t)__builtin_ctzll(edge);
	edges->next = out;
	edges->open = ones >> 63;
}

void smi_take_edges_sparse(const uint64_t *group, struct smi_group g,
			   uint32_t base, struct smi_edges *edges)
{
	uint64_t dirty = smi_group_dirty(g);
	uint32_t *out = edges->next;
	uint64_t carry = edges->open;
	unsigned int expected = 0; /* the word after the last one looked at */

	if (!g.mixed) {
		take_edges_ones(g.ones, base, edges);
		return;
	}
	for (; dirty; dirty &= dirty - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(dirty);
		uint64_t word = g.ones >> i & 1 ? ~UINT64_C(0) : group[i];
		uint64_t edge;

		if (carry && i != expected) {
			*out++ = base + expected * 64;
			carry = 0;
		}
		for (edge = word ^ (word << 1 | carry); edge; edge &= edge - 1)
			*out++ =
				base + i * 64 + (uint32_t)__builtin_ctzll(edge);
		carry = word >> 63;
		expected = i + 1;
	}
	if (carry && expected != SMI_GROUP_WORDS) {
		*out++ = base + expected * 64;
		carry = 0;
	}
	edges->next = out;
	edges->open = carry;
}

const struct smi_kernels smi_kernels_scalar = {
	.name = "scalar",
	.skip_zero_groups = skip_zero_groups,
	.classify = classify,
	.shift_group = shift_group,
	.prefetch = prefetch,
	.or_group = or_group,
	.order_stores = smi_order_stores_nothing,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.take_edges = smi_take_edges_sparse,
};
