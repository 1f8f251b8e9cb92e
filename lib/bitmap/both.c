/* SPDX-License-Identifier: MIT */
/*
 * Pages that are dirty in two bitmaps: one AND per word of 64 pages that is not
 * clean in the sparse bitmap, whose summaries say which words these are.
 */
#include "bitmap/group.h"
#include "bitmap/mark.h"
#include "bitmap/query.h"

/*
 * A group, with its mixed word i in slot i. The few words of a packed group are
 * spread once, so that the walk does not count bits for each word.
 */
struct group_words {
	struct smi_group g;
	uint64_t *slots;
	uint64_t buffer[SMI_GROUP_WORDS]; /* the slots of a packed group */
};

static void get_words(const struct smudge_bitmap *b, uint64_t group,
		      struct group_words *ret)
{
	struct smi_store store;

	ret->g = (struct smi_group){0, SMI_ALL_ONES};
	if (smi_group_is_full(b, group))
		return;
	ret->g = b->groups[group];
	store = smi_group_store(b, group);
	if (smi_is_packed(ret->g.mixed))
		store.spread = ret->buffer;
	smi_spread(store, ret->g.mixed);
	ret->slots = store.spread;
}

static inline uint64_t word_of(const struct group_words *words, unsigned int i)
{
	uint64_t bit = UINT64_C(1) << i;

	if (words->g.mixed & bit)
		return words->slots[i];
	return words->g.ones & bit ? SMI_ALL_ONES : 0;
}

/* The first common page at or after @page in its group, or the group's end. */
static uint64_t both_in_group(const struct smudge_bitmap *sparse,
			      const struct smudge_bitmap *other, uint64_t page)
{
	uint64_t group = smi_page_group(page);
	uint64_t base = smi_group_page(group);
	unsigned int first = smi_word_index(page);
	uint64_t mask = SMI_ALL_ONES << (page & 63);
	struct group_words a, b;
	uint64_t dirty;

	get_words(sparse, group, &a);
	get_words(other, group, &b);
	dirty = smi_group_dirty(a.g) & smi_group_dirty(b.g) &
		SMI_ALL_ONES << first;
	for (; dirty; dirty &= dirty - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(dirty);
		uint64_t word = word_of(&a, i) & word_of(&b, i);

		if (i == first)
			word &= mask;
		if (word)
			return base + i * 64u + (uint64_t)__builtin_ctzll(word);
	}
	return base + SMI_GROUP_PAGES;
}

static uint64_t find_both(const struct smudge_bitmap *sparse,
			  const struct smudge_bitmap *other, uint64_t page,
			  uint64_t end)
{
	uint64_t ngroups = smi_count_groups(end);

	while (page < end) {
		uint64_t group =
			smi_group_next(sparse, smi_page_group(page), ngroups);
		uint64_t found;

		if (group == ngroups)
			return end;
		if (group > smi_page_group(page))
			page = smi_group_page(group);
		found = both_in_group(sparse, other, page);
		page = smi_group_page(group + 1);
		if (found < page)
			return found < end ? found : end;
	}
	return end;
}

bool smudge_bitmap_next_both(struct smudge_bitmap *sparse,
			     struct smudge_bitmap *other, uint64_t first_page,
			     uint64_t end_page, struct smudge_run *ret)
{
	uint64_t first, end;

	if (end_page > sparse->npages)
		end_page = sparse->npages;
	if (end_page > other->npages)
		end_page = other->npages;
	if (first_page >= end_page)
		return false;
	smi_bitmap_drain(sparse);
	smi_bitmap_drain(other);
	first = find_both(sparse, other, first_page, end_page);
	if (first == end_page)
		return false;
	end = smi_bitmap_find_clean(sparse, first, end_page);
	ret->first_page = first;
	ret->npages = smi_bitmap_find_clean(other, first, end) - first;
	return true;
}
