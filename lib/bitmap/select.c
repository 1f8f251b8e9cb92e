/* SPDX-License-Identifier: MIT */
/*
 * Select: count the dirty pages of words until a word has the n-th one.
 *
 * Cost: that of a count of the dirty pages up to that page.
 */
#include "bitmap/select.h"

#include "bitmap/group.h"

/* The bit after the @n-th set bit of a word, which has that many. */
static unsigned int end_in_word(uint64_t word, uint64_t n)
{
	while (--n)
		word &= word - 1;
	return (unsigned int)__builtin_ctzll(word) + 1;
}

/*
 * Pages of a group that is not full: the page after the @n-th dirty one of
 * [first, stop), or 0 if there are fewer, which are subtracted from @n.
 */
static uint64_t end_in_words(const struct smudge_bitmap *b, uint64_t group,
			     unsigned int first, unsigned int stop, uint64_t *n)
{
	uint64_t dirty = smi_group_dirty(b->groups[group]);

	for (; dirty; dirty &= dirty - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(dirty);
		uint64_t word = smi_group_get_word(b, group, i) &
				smi_word_mask(i, first, stop);
		uint64_t found = (uint64_t)__builtin_popcountll(word);

		if (found >= *n)
			return i * 64 + end_in_word(word, *n);
		*n -= found;
	}
	return 0;
}

/* The same for any group. */
static uint64_t end_in_group(const struct smudge_bitmap *b, uint64_t group,
			     uint64_t first, uint64_t stop, uint64_t *n)
{
	uint64_t npages = stop - first, found = npages;
	bool is_full = smi_group_is_full(b, group);

	if (is_full && npages >= *n)
		return first + *n;
	/* A whole group is counted first, since few have the n-th page. */
	if (!is_full && npages == SMI_GROUP_PAGES)
		found = smi_group_count(b, group);
	if (!is_full && (npages < SMI_GROUP_PAGES || found >= *n))
		return end_in_words(b, group, (unsigned int)first,
				    (unsigned int)stop, n);
	*n -= found;
	return 0;
}

uint64_t smi_bitmap_select_end(const struct smudge_bitmap *b, uint64_t page,
			       uint64_t end, uint64_t n)
{
	uint64_t ngroups = smi_count_groups(end);
	uint64_t group = smi_group_next(b, smi_page_group(page), ngroups);

	for (; group < ngroups; group = smi_group_next(b, group + 1, ngroups)) {
		uint64_t base = smi_group_page(group);
		uint64_t stop = end - base < SMI_GROUP_PAGES ? end - base
							     : SMI_GROUP_PAGES;
		uint64_t at = end_in_group(
			b, group, page > base ? page - base : 0, stop, &n);

		if (at)
			return base + at;
	}
	return end;
}
