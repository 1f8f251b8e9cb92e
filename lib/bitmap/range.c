/* SPDX-License-Identifier: MIT */
/*
 * The owner sets and clears ranges of pages.
 *
 * Cost: one step per group, and the words of two partial groups.
 */
#include "bitmap/group.h"
#include "bitmap/mark.h"

static void set_part(struct smudge_bitmap *b, uint64_t group,
		     unsigned int first, unsigned int end)
{
	const unsigned int edges[2] = {first / 64, (end - 1) / 64};
	struct smi_group add = {0, smi_mask(edges[0], edges[1] + 1)};
	uint64_t words[SMI_GROUP_WORDS];

	for (unsigned int i = 0; i < 2; i++) {
		uint64_t bit = UINT64_C(1) << edges[i];

		words[edges[i]] = smi_word_mask(edges[i], first, end);
		if (words[edges[i]] != SMI_ALL_ONES) {
			add.ones &= ~bit;
			add.mixed |= bit;
		}
	}
	smi_group_or(b, group, words, 0, &add);
}

/* Set or clear pages [first, end) of a group, not all of it. */
static void change_part(struct smudge_bitmap *b, uint64_t group,
			unsigned int first, unsigned int end, bool dirty)
{
	uint64_t cleared[SMI_GROUP_WORDS];

	if (dirty)
		set_part(b, group, first, end);
	else
		smi_group_extract(b, group, first, end, cleared);
}

static void change_range(struct smudge_bitmap *b, uint64_t first,
			 uint64_t npages, bool dirty)
{
	if (!smi_bitmap_clamp(b, first, &npages))
		return;
	for (uint64_t end = first + npages; first < end;) {
		uint64_t group = smi_page_group(first);
		uint64_t base = smi_group_page(group);
		uint64_t size = smi_group_npages(b, group);
		uint64_t stop = end - base < size ? end - base : size;

		if (first > base || stop < size)
			change_part(b, group, (unsigned int)(first - base),
				    (unsigned int)stop, dirty);
		else if (dirty)
			smi_group_fill(b, group);
		else
			smi_group_clear(b, group);
		first = base + stop;
	}
}

void smudge_bitmap_set_range(struct smudge_bitmap *b, uint64_t first_page,
			     uint64_t npages)
{
	change_range(b, first_page, npages, true);
}

void smudge_bitmap_clear_range(struct smudge_bitmap *b, uint64_t first_page,
			       uint64_t npages)
{
	smi_bitmap_drain(b);
	if (!b->owes_barrier)
		change_range(b, first_page, npages, false);
}
