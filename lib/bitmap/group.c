/* SPDX-License-Identifier: MIT */
/*
 * Changes of a group: it becomes all clean or all dirty, words are ORed into
 * it, or some of its pages move out of it.
 */
#include "bitmap/group.h"

void smi_group_clear(struct smudge_bitmap *b, uint64_t group)
{
	b->groups[group] = (struct smi_group){0, 0};
	smi_set_bit(b->level2, group, false);
	smi_set_bit(b->full, group, false);
}

void smi_group_fill(struct smudge_bitmap *b, uint64_t group)
{
	smi_group_clear(b, group);
	smi_set_bit(b->full, group, true);
}

/*
 * A full group becomes a group whose words are all ones. If it has 64 words, B2
 * does not hold until the caller has taken a page out.
 */
static void full_to_words(struct smudge_bitmap *b, uint64_t group)
{
	uint64_t npages = smi_group_npages(b, group);
	struct smi_group *g = &b->groups[group];

	if (!smi_group_is_full(b, group))
		return;
	smi_set_bit(b->full, group, false);
	for (unsigned int i = 0; i < npages / 64; i++)
		g->ones |= UINT64_C(1) << i;
	if (npages % 64) {
		g->mixed = UINT64_C(1) << npages / 64;
		smi_group_store(b, group).packed[0] =
			smi_mask(0, (unsigned int)(npages % 64));
	}
}

/* Store the words at @spread, which may be a buffer, in their places. */
static void store_words(struct smi_store stored, uint64_t *spread,
			uint64_t mixed)
{
	struct smi_store scratch = {spread, stored.packed};

	smi_pack(scratch, mixed);
	if (smi_is_packed(mixed) || spread == stored.spread)
		return;
	for (; mixed; mixed &= mixed - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(mixed);

		stored.spread[i] = spread[i];
	}
}

void smi_group_extract(struct smudge_bitmap *b, uint64_t group,
		       unsigned int first, unsigned int end, uint64_t *out)
{
	struct smi_group *g = &b->groups[group];
	struct smi_store stored = smi_group_store(b, group), scratch = stored;
	uint64_t buffer[SMI_GROUP_WORDS];

	full_to_words(b, group);
	/* A buffer, so that the memory of spread words is not touched. */
	if (smi_is_packed(g->mixed))
		scratch.spread = buffer;
	smi_spread(scratch, g->mixed);
	for (unsigned int i = first / 64; i * 64 < end; i++) {
		uint64_t mask = smi_word_mask(i, first, end);
		uint64_t bit = UINT64_C(1) << i;
		uint64_t word = g->ones & bit ? SMI_ALL_ONES : 0;

		if (g->mixed & bit)
			word = scratch.spread[i];
		out[i] = word & mask;
		scratch.spread[i] = word & ~mask;
		g->ones &= ~bit;
		g->mixed &= ~bit;
		if (word & ~mask)
			g->mixed |= bit;
	}
	store_words(stored, scratch.spread, g->mixed);
	smi_group_summarize(b, group);
}
