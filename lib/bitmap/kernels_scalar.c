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

static uint64_t summarise(const uint64_t *group)
{
	uint64_t summary = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		summary |= (uint64_t)(group[i] != 0) << i;
	return summary;
}

static bool is_all_ones(const uint64_t *group)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		if (~(group[i] & group[i + 1] & group[i + 2] & group[i + 3]))
			return false;
	}
	return true;
}

static void shift_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		dst[i] = src[i] >> shift | src[i + 1] << (64 - shift);
}

static void or_group(uint64_t *dst, const uint64_t *src, uint64_t summary)
{
	for (; summary; summary &= summary - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(summary);

		dst[i] |= src[i];
	}
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

static uint64_t popcount(const uint64_t *group)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(group[i]);
	return n;
}

void smi_take_edges_sparse(uint64_t *group, uint64_t summary, uint32_t base,
			   struct smi_edges *edges)
{
	uint32_t *out = edges->next;
	uint64_t carry = edges->open;
	unsigned int expected = 0; /* the word after the last one looked at */

	for (; summary; summary &= summary - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(summary);
		uint64_t word = group[i];
		uint64_t edge;

		if (carry && i != expected) {
			*out++ = base + expected * 64;
			carry = 0;
		}
		group[i] = 0;
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
	.summarise = summarise,
	.is_all_ones = is_all_ones,
	.shift_group = shift_group,
	.or_group = or_group,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.take_edges = smi_take_edges_sparse,
};
