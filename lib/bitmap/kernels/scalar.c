/* SPDX-License-Identifier: MIT */
/*
 * The scalar kernels: the reference for every vector variant, and the kernels
 * of processors without one.
 *
 * EDGES. A run starts or ends at a bit that differs from the bit before it:
 * e = w ^ (w << 1 | carry), where carry is the last bit of the word before. So
 * the runs of a word take one step per edge, not one per page.
 */
#include "bitmap/kernels/scale.h"

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

static struct smi_group classify(const uint64_t *words, unsigned int n)
{
	return smi_classify_words(words, 0, n, (struct smi_group){0, 0});
}

static struct smi_group shift_group(uint64_t *dst, const uint64_t *src,
				    unsigned int shift)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		dst[i] = src[i] >> shift | src[i + 1] << (64 - shift);
	return classify(dst, SMI_GROUP_WORDS);
}

void smi_prefetch_plain(struct smi_store store, uint64_t mixed, uint64_t add,
			bool past_cache)
{
	smi_prefetch(store, mixed, add);
}

static void or_group(struct smi_store dst, struct smi_group *g,
		     const uint64_t *src, struct smi_group add, bool past_cache)
{
	smi_or_sparse(dst, g, src, 0, add);
}

void smi_or_part_plain(struct smi_store dst, struct smi_group *g,
		       const uint64_t *src, unsigned int first,
		       const struct smi_group *add)
{
	smi_or_sparse(dst, g, src, first, *add);
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

static inline uint32_t *put_word(uint32_t *out, const uint64_t *edge,
				 uint32_t base)
{
	for (uint64_t left = *edge; left; left &= left - 1)
		*out++ = base + (uint32_t)__builtin_ctzll(left);
	return out;
}

static void take_edges(struct smi_store store, struct smi_group g,
		       uint32_t base, struct smi_edges *edges)
{
	smi_take_edges_sparse(put_word, store, g, base, edges);
}

static void fold_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	smi_fold_group(classify, dst, src, shift);
}

/*
 * The lowest 64 >> shift bits to a word. They are multiplied to their places:
 * bit i is in many, and only where i is its own place is it kept.
 */
static inline void expand_part(uint64_t *dst, uint64_t bits, unsigned int shift)
{
	uint64_t word;

	if (shift == 3) {
		word = (bits & 0xff) * UINT64_C(0x0101010101010101);
		word &= UINT64_C(0x8040201008040201);
		word += UINT64_C(0x7f7f7f7f7f7f7f7f);
		*dst = (word >> 7 & UINT64_C(0x0101010101010101)) * 0xff;
	} else if (shift == 4) {
		word = (bits & 0xf) * UINT64_C(0x0000200040008001);
		*dst = (word & UINT64_C(0x0001000100010001)) * 0xffff;
	} else if (shift == 5) {
		word = (bits & 3) * UINT64_C(0x0000000080000001);
		*dst = (word & UINT64_C(0x0000000100000001)) * 0xffffffff;
	} else {
		*dst = -(bits & 1);
	}
}

static void expand_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	smi_expand_group(expand_part, 1, dst, src, shift);
}

const struct smi_kernels smi_kernels_scalar = {
	.name = "scalar",
	.skip_zero_groups = skip_zero_groups,
	.classify = classify,
	.shift_group = shift_group,
	.prefetch = smi_prefetch_plain,
	.or_group = or_group,
	.or_part = smi_or_part_plain,
	.order_stores = smi_order_stores_nothing,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.fold_group = fold_group,
	.expand_group = expand_group,
	.take_edges = take_edges,
};
