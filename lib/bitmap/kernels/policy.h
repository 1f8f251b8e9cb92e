/* SPDX-License-Identifier: MIT */
/*
 * The choice for each group: word by word, or the vector loops. It is made here
 * for all variants; a variant has the loops, and the counts of words from which
 * on they are faster.
 *
 * Each variant compiles this for its instructions. It passes a constant struct
 * smi_loops to functions that are always inlined, so the compiler calls, or
 * inlines, the loops themselves.
 */
#ifndef LIB_BITMAP_KERNELS_POLICY_H
#define LIB_BITMAP_KERNELS_POLICY_H

#include "bitmap/kernels/sparse.h"

/* A variant's loops over all 64 words of a spread group, and its counts. */
struct smi_loops {
	/*
	 * Fewer mixed words are ORed word by word. It is more than
	 * SMI_PACKED_WORDS, so groups for the loops are spread.
	 */
	unsigned int dense_words;

	/*
	 * The edges of groups with fewer mixed words are found word by word.
	 * Not below dense_words.
	 */
	unsigned int split_words;

	/* If more words have an edge, put_all is faster than put_word. */
	unsigned int steady_words;

	/* dst = src; past the caches if @past_cache and if the variant can. */
	void (*copy_group)(uint64_t *dst, const uint64_t *src, bool past_cache);

	/* dst |= src; dst is @g. Returns which words are ones. May be NULL. */
	uint64_t (*or_words)(uint64_t *dst, struct smi_group g,
			     const uint64_t *src);

	/*
	 * edges[i] = the bits of word i that differ from the bit before them.
	 * *open is the bit before the first word, and becomes the last bit.
	 * Returns the words that have an edge.
	 */
	uint64_t (*find_edges)(const uint64_t *words, struct smi_group g,
			       bool *open, uint64_t *edges);

	/*
	 * Store the positions of the edges of one word, or of all 64 words;
	 * the first bit counts as @base. Both return where the next edge goes,
	 * and write up to SMI_EDGE_SLACK entries beyond it.
	 */
	uint32_t *(*put_word)(uint32_t *out, const uint64_t *edge,
			      uint32_t base);
	uint32_t *(*put_all)(uint32_t *out, const uint64_t *edges,
			     uint32_t base);
};

SMI_SPARSE void smi_prefetch_group(const struct smi_loops *loops,
				   struct smi_store store, uint64_t mixed,
				   uint64_t add, bool past_cache)
{
	if (!past_cache || smi_count_bits(add) < loops->dense_words)
		smi_prefetch(store, mixed, add);
}

/* @add by pointer: gcc 12 moves an inlined copy through a vector register. */
SMI_SPARSE void smi_or_group(const struct smi_loops *loops,
			     struct smi_store dst, struct smi_group *g,
			     const uint64_t *src, const struct smi_group *add,
			     bool past_cache)
{
	uint64_t ones;

	if (smi_count_bits(add->mixed) < loops->dense_words ||
	    (!loops->or_words && smi_group_dirty(*g))) {
		smi_or_sparse(dst, g, src, 0, *add);
		return;
	}
	if (!smi_group_dirty(*g)) {
		loops->copy_group(dst.spread, src, past_cache);
		*g = *add;
		return;
	}
	smi_spread(dst, g->mixed);
	ones = loops->or_words(dst.spread, *g, src);
	g->mixed = (g->mixed | add->mixed) & ~ones;
	g->ones = ones;
	smi_pack(dst, g->mixed);
}

SMI_SPARSE void smi_take_edges(const struct smi_loops *loops,
			       struct smi_store store, struct smi_group g,
			       uint32_t base, struct smi_edges *edges)
{
	uint64_t words[SMI_GROUP_WORDS];
	uint32_t *out = edges->next;
	uint64_t some;

	if (smi_count_bits(g.mixed) < loops->split_words) {
		smi_take_edges_sparse(loops->put_word, store, g, base, edges);
		return;
	}
	some = loops->find_edges(store.spread, g, &edges->open, words);
	if (smi_count_bits(some) > loops->steady_words) {
		edges->next = loops->put_all(out, words, base);
		return;
	}
	for (; some; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);

		out = loops->put_word(out, &words[i], base + i * 64);
	}
	edges->next = out;
}

#endif
