/* SPDX-License-Identifier: MIT */
/*
 * The kernels for groups with few mixed words, which go word by word. They are
 * written once, and each variant compiles them for its instructions.
 */
#ifndef LIB_BITMAP_KERNELS_SPARSE_H
#define LIB_BITMAP_KERNELS_SPARSE_H

#include "bitmap/kernels/kernels.h"
#include "bitmap/kernels/packing.h"

#define SMI_SPARSE static inline __attribute__((always_inline))

/* Classify words [from, n); @g keeps the others. */
SMI_SPARSE struct smi_group smi_classify_words(const uint64_t *words,
					       unsigned int from,
					       unsigned int n,
					       struct smi_group g)
{
	for (unsigned int i = from; i < n; i++) {
		uint64_t is_ones = words[i] == ~UINT64_C(0);

		g.ones |= is_ones << i;
		g.mixed |= (uint64_t)(words[i] != 0 && !is_ones) << i;
	}
	return g;
}

/* Prefetch the lines that the words of @add will be stored to. */
SMI_SPARSE void smi_prefetch(struct smi_store store, uint64_t mixed,
			     uint64_t add)
{
	if (!smi_is_packed(add)) {
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8)
			__builtin_prefetch(store.spread + i, 1);
		return;
	}
	if (smi_is_packed(mixed)) {
		__builtin_prefetch(store.packed, 1);
		return;
	}
	for (; add; add &= add - 1)
		__builtin_prefetch(store.spread + __builtin_ctzll(add), 1);
}

/*
 * Prefetch the words that are read four groups later, if that group is spread
 * too. The address may be outside of all memory: a prefetch does not fault.
 */
SMI_SPARSE void smi_prefetch_ahead(const uint64_t *words)
{
	uintptr_t ahead = (uintptr_t)words + 4 * SMI_GROUP_WORDS * 8;

	__builtin_prefetch((const void *)ahead);
}

/* Copy words to a group without mixed words: stores only, packed if few. */
SMI_SPARSE void smi_copy_sparse(struct smi_store dst, const uint64_t *src,
				unsigned int first, uint64_t which)
{
	bool is_packed = smi_is_packed(which);
	uint64_t *slots = smi_slots(dst, which);
	unsigned int slot = 0;

	for (; which; which &= which - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(which);

		slots[is_packed ? slot++ : i] = src[i - first];
	}
}

/* OR the words of @add into any group; src[0] is for word @first. */
SMI_SPARSE void smi_or_sparse(struct smi_store dst, struct smi_group *g,
			      const uint64_t *src, unsigned int first,
			      struct smi_group add)
{
	uint64_t ones = g->ones | add.ones;
	uint64_t some = add.mixed & ~ones;
	uint64_t buffer[SMI_GROUP_WORDS];

	if (!(g->mixed & ~ones)) {
		smi_copy_sparse(dst, src, first, some);
		g->mixed = some;
		g->ones = ones;
		return;
	}
	if (smi_is_packed(g->mixed | add.mixed))
		dst.spread = buffer; /* the group stays packed */
	smi_spread(dst, g->mixed);
	for (; some; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);
		uint64_t word = src[i - first];

		if (g->mixed >> i & 1)
			word |= dst.spread[i];
		dst.spread[i] = word;
		ones |= (uint64_t)(word == ~UINT64_C(0)) << i;
	}
	g->mixed = (g->mixed | add.mixed) & ~ones;
	g->ones = ones;
	smi_pack(dst, g->mixed);
}

/* The edges of a group without mixed words, 64 pages apart. */
SMI_SPARSE void smi_take_edges_ones(uint64_t ones, uint32_t base,
				    struct smi_edges *edges)
{
	uint32_t *out = edges->next;
	uint64_t edge = ones ^ (ones << 1 | edges->open);

	for (; edge; edge &= edge - 1)
		*out++ = base + 64 * (uint32_t)__builtin_ctzll(edge);
	edges->next = out;
	edges->open = ones >> 63;
}

/* Word by word. @put is put_word of struct smi_loops. */
SMI_SPARSE void smi_take_edges_sparse(
	uint32_t *(*put)(uint32_t *out, const uint64_t *edge, uint32_t base),
	struct smi_store store, struct smi_group g, uint32_t base,
	struct smi_edges *edges)
{
	const uint64_t *slots = smi_slots(store, g.mixed);
	uint64_t dirty = smi_group_dirty(g);
	bool is_packed = smi_is_packed(g.mixed);
	uint32_t *out = edges->next;
	uint64_t carry = edges->open;
	unsigned int expected = 0; /* the word after the last dirty one */
	unsigned int slot = 0;

	if (!g.mixed) {
		smi_take_edges_ones(g.ones, base, edges);
		return;
	}
	for (; dirty; dirty &= dirty - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(dirty);
		uint64_t word = ~UINT64_C(0);
		uint64_t edge;

		if (g.mixed >> i & 1)
			word = slots[is_packed ? slot++ : i];
		if (carry && i != expected) {
			*out++ = base + expected * 64;
			carry = 0;
		}
		edge = word ^ (word << 1 | carry);
		out = put(out, &edge, base + i * 64);
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

#endif
