/* SPDX-License-Identifier: MIT */
/*
 * A group of the bits plane, the unit of every walk. Its state is read and
 * changed here, so one place keeps the invariants B1 to B5 (layout.h). The mark
 * plane is not part of it.
 */
#ifndef LIB_BITMAP_GROUP_H
#define LIB_BITMAP_GROUP_H

#include "bitmap/layout.h"

/* The group has no dirty page. */
void smi_group_clear(struct smudge_bitmap *bitmap, uint64_t group);

/*
 * The group is all dirty. Out of line, because merges are slower with it
 * inlined.
 */
void smi_group_fill(struct smudge_bitmap *bitmap, uint64_t group);

/*
 * Move pages [first, end) of a group, full or not, to their words of @out.
 * Other words of @out are not written.
 */
void smi_group_extract(struct smudge_bitmap *bitmap, uint64_t group,
		       unsigned int first, unsigned int end, uint64_t *out);

static inline struct smi_store
smi_group_store(const struct smudge_bitmap *bitmap, uint64_t group)
{
	return (struct smi_store){bitmap->words + group * SMI_GROUP_WORDS,
				  bitmap->packed + group * SMI_PACKED_WORDS};
}

static inline bool smi_group_is_full(const struct smudge_bitmap *bitmap,
				     uint64_t group)
{
	return bitmap->full[smi_level2_word(group)] >> (group & 63) & 1;
}

/* Pages of the group that exist: 4096, or less in the last one. */
static inline uint64_t smi_group_npages(const struct smudge_bitmap *bitmap,
					uint64_t group)
{
	uint64_t left = bitmap->npages - smi_group_page(group);

	return left < SMI_GROUP_PAGES ? left : SMI_GROUP_PAGES;
}

/* Word @i of a group that is not full. */
static inline uint64_t smi_group_get_word(const struct smudge_bitmap *bitmap,
					  uint64_t group, unsigned int i)
{
	const struct smi_group *g = &bitmap->groups[group];

	if (g->mixed >> i & 1)
		return smi_stored_word(smi_group_store(bitmap, group), g->mixed,
				       i);
	return g->ones >> i & 1 ? SMI_ALL_ONES : 0;
}

/* Dirty pages of a group that is not full. */
static inline uint64_t smi_group_count(const struct smudge_bitmap *bitmap,
				       uint64_t group)
{
	struct smi_group g = bitmap->groups[group];

	return bitmap->kernels->popcount(
		       smi_slots(smi_group_store(bitmap, group), g.mixed),
		       smi_used_slots(g.mixed)) +
	       64 * (uint64_t)__builtin_popcountll(g.ones);
}

/* Bits [first, end) of a word; first < end <= 64. */
static inline uint64_t smi_mask(unsigned int first, unsigned int end)
{
	return (SMI_ALL_ONES << first) & (SMI_ALL_ONES >> (64 - end));
}

/*
 * The mask of word @index of a group for the range [first, end) of the
 * group's pages: 0 if the word lies outside.
 */
static inline uint64_t smi_word_mask(unsigned int index, unsigned int first,
				     unsigned int end)
{
	unsigned int low = index * 64;

	if (end <= low || first >= low + 64 || first >= end)
		return 0;
	return smi_mask(first > low ? first - low : 0,
			end < low + 64 ? end - low : 64);
}

static inline void smi_set_bit(uint64_t *words, uint64_t index, bool value)
{
	uint64_t bit = UINT64_C(1) << (index & 63);

	if (value)
		words[index >> 6] |= bit;
	else
		words[index >> 6] &= ~bit;
}

/* Make B2 and B3 hold again after the group's mixed and ones bits changed. */
static inline void smi_group_summarize(struct smudge_bitmap *bitmap,
				       uint64_t group)
{
	struct smi_group g = bitmap->groups[group];

	if (g.ones == SMI_ALL_ONES)
		smi_group_fill(bitmap, group);
	else
		smi_set_bit(bitmap->level2, group, smi_group_dirty(g));
}

/*
 * OR words into a group, which may be full. src[0] is for word @first of the
 * group; only the words that @add has are read.
 */
static inline void smi_group_or(struct smudge_bitmap *bitmap, uint64_t group,
				const uint64_t *src, unsigned int first,
				const struct smi_group *add)
{
	if (smi_group_is_full(bitmap, group))
		return;
	bitmap->kernels->or_part(smi_group_store(bitmap, group),
				 &bitmap->groups[group], src, first, add);
	smi_group_summarize(bitmap, group);
}

/* The first group at or after @group that has a dirty page, or ngroups. */
static inline uint64_t smi_group_next(const struct smudge_bitmap *b,
				      uint64_t group, uint64_t ngroups)
{
	uint64_t n = smi_level2_word(ngroups + 63);
	uint64_t k = smi_level2_word(group);
	uint64_t some;

	if (group >= ngroups)
		return ngroups;
	some = (b->level2[k] | b->full[k]) & SMI_ALL_ONES << (group & 63);
	if (!some) {
		if (++k < n)
			k = b->kernels->find_nonzero(b->level2, b->full, k, n);
		if (k >= n)
			return ngroups;
		some = b->level2[k] | b->full[k];
	}
	group = k * 64 + (uint64_t)__builtin_ctzll(some);
	return group < ngroups ? group : ngroups;
}

#endif
