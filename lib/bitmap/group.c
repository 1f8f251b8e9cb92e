/* SPDX-License-Identifier: MIT */
/*
 * What changes a part of a group: an OR into it, and a move of some of its
 * pages out of it.
 */
#include "bitmap/group.h"

void smi_bitmap_summarize(struct smudge_bitmap *b, uint64_t group)
{
	struct smi_group g = b->groups[group];

	if (g.ones == SMI_ALL_ONES)
		smi_bitmap_fill_group(b, group);
	else
		smi_set_bit(b->level2, group, smi_group_dirty(g));
}

void smi_bitmap_or(struct smudge_bitmap *b, uint64_t group, const uint64_t *src,
		   unsigned int first, struct smi_group add)
{
	if (smi_bitmap_is_full(b, group))
		return;
	b->kernels->or_part(smi_bitmap_store(b, group), &b->groups[group], src,
			    first, add);
	smi_bitmap_summarize(b, group);
}

/* A full group says so in its words; if they are 64, against B2. */
static void unfold(struct smudge_bitmap *b, uint64_t group)
{
	uint64_t npages = smi_bitmap_group_pages(b, group);
	struct smi_group *g = &b->groups[group];

	if (!smi_bitmap_is_full(b, group))
		return;
	smi_set_bit(b->full, group, false);
	for (unsigned int i = 0; i < npages / 64; i++)
		g->ones |= UINT64_C(1) << i;
	if (npages % 64) {
		g->mixed = UINT64_C(1) << npages / 64;
		smi_bitmap_store(b, group).packed[0] =
			smi_mask(0, (unsigned int)(npages % 64));
	}
}

/* Words that are at @spread, home or a buffer, are kept where they belong. */
static void keep(struct smi_store home, uint64_t *spread, uint64_t mixed)
{
	struct smi_store work = {spread, home.packed};

	smi_pack(work, mixed);
	if (smi_is_packed(mixed) || spread == home.spread)
		return;
	for (; mixed; mixed &= mixed - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mixed);

		home.spread[i] = spread[i];
	}
}

void smi_bitmap_split(struct smudge_bitmap *b, uint64_t group,
		      unsigned int first, unsigned int end, uint64_t *out)
{
	struct smi_group *g = &b->groups[group];
	struct smi_store home = smi_bitmap_store(b, group), work = home;
	uint64_t buffer[SMI_GROUP_WORDS];

	unfold(b, group);
	/* Then the memory of spread words is not touched. */
	if (smi_is_packed(g->mixed))
		work.spread = buffer;
	smi_spread(work, g->mixed);
	for (unsigned int i = first / 64; i * 64 < end; i++) {
		uint64_t mask = smi_word_mask(i, first, end);
		uint64_t bit = UINT64_C(1) << i;
		uint64_t word = g->ones & bit ? SMI_ALL_ONES : 0;

		if (g->mixed & bit)
			word = work.spread[i];
		out[i] = word & mask;
		work.spread[i] = word & ~mask;
		g->ones &= ~bit;
		g->mixed &= ~bit;
		if (word & ~mask)
			g->mixed |= bit;
	}
	keep(home, work.spread, g->mixed);
	smi_bitmap_summarize(b, group);
}
