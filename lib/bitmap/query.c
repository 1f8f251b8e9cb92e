/* SPDX-License-Identifier: MIT */
/*
 * Queries. They are exact to the page: the summaries only say where nothing is
 * dirty. Each query drains the marks first, then walks the owner's plane.
 */
#include "bitmap/query.h"

#include "bitmap/group.h"
#include "bitmap/mark.h"

uint64_t smi_bitmap_find_dirty(const struct smudge_bitmap *b, uint64_t page,
			       uint64_t end)
{
	uint64_t group = smi_page_group(page);
	uint64_t ngroups = smi_count_groups(end);
	unsigned int index = smi_word_index(page);
	uint64_t word, dirty;

	if (page >= end || smi_group_is_full(b, group))
		return page < end ? page : end;
	dirty = smi_group_dirty(b->groups[group]) & (SMI_ALL_ONES << index);
	if (dirty >> index & 1) {
		word = smi_group_get_word(b, group, index) >> (page & 63);
		if (word) {
			page += (uint64_t)__builtin_ctzll(word);
			return page < end ? page : end;
		}
		dirty &= dirty - 1;
	}
	if (!dirty) {
		group = smi_group_next(b, group + 1, ngroups);
		if (group == ngroups)
			return end;
		dirty = smi_group_dirty(b->groups[group]);
	}
	page = smi_group_page(group);
	if (!smi_group_is_full(b, group)) {
		index = (unsigned int)__builtin_ctzll(dirty);
		word = smi_group_get_word(b, group, index);
		page += index * 64u + (uint64_t)__builtin_ctzll(word);
	}
	return page < end ? page : end;
}

/* The first clean page at or after @page in its group, or the group's end. */
static uint64_t clean_in_group(const struct smudge_bitmap *b, uint64_t page)
{
	uint64_t group = smi_page_group(page);
	uint64_t next = smi_group_page(group + 1);
	unsigned int index = smi_word_index(page);
	uint64_t word, some;

	if (smi_group_is_full(b, group))
		return next;
	word = ~smi_group_get_word(b, group, index) >> (page & 63);
	if (word)
		return page + (uint64_t)__builtin_ctzll(word);
	if (index == 63)
		return next;
	/* A word that is not all ones has a clean page. */
	some = ~b->groups[group].ones & SMI_ALL_ONES << (index + 1);
	if (!some)
		return next;
	index = (unsigned int)__builtin_ctzll(some);
	word = ~smi_group_get_word(b, group, index);
	return smi_group_page(group) + index * 64u +
	       (uint64_t)__builtin_ctzll(word);
}

uint64_t smi_bitmap_find_clean(const struct smudge_bitmap *b, uint64_t page,
			       uint64_t end)
{
	while (page < end) {
		uint64_t group = smi_page_group(page);
		uint64_t clean;

		/* A word of full bits that is all ones: 64 full groups. */
		if ((group & 63) == 0 &&
		    b->full[smi_level2_word(group)] == SMI_ALL_ONES) {
			group = 64 * b->kernels->find_not_ones(
					     b->full, smi_level2_word(group),
					     b->nlevel2);
			page = smi_group_page(group);
			continue;
		}
		clean = clean_in_group(b, page);
		page = smi_group_page(group + 1);
		if (clean < page)
			return clean < end ? clean : end;
	}
	return end;
}

/* The first page in [page, end) that is dirty, or else clean; or end. */
static uint64_t find(const struct smudge_bitmap *b, uint64_t page, uint64_t end,
		     bool dirty)
{
	return dirty ? smi_bitmap_find_dirty(b, page, end)
		     : smi_bitmap_find_clean(b, page, end);
}

static bool next_run(struct smudge_bitmap *b, uint64_t first_page,
		     uint64_t end_page, bool dirty, struct smudge_run *ret)
{
	uint64_t first;

	if (end_page > b->npages)
		end_page = b->npages;
	if (first_page >= end_page)
		return false;
	smi_bitmap_drain(b);
	first = find(b, first_page, end_page, dirty);
	if (first == end_page)
		return false;
	ret->first_page = first;
	ret->npages = find(b, first, end_page, !dirty) - first;
	return true;
}

bool smudge_bitmap_next_dirty(struct smudge_bitmap *b, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
{
	return next_run(b, first_page, end_page, true, ret);
}

bool smudge_bitmap_next_clean(struct smudge_bitmap *b, uint64_t first_page,
			      uint64_t end_page, struct smudge_run *ret)
{
	return next_run(b, first_page, end_page, false, ret);
}

bool smudge_bitmap_next_block(struct smudge_bitmap *b, unsigned int block_shift,
			      uint64_t first_block, uint64_t *ret_block)
{
	uint64_t page;

	if (block_shift > 40 || first_block > (b->npages - 1) >> block_shift)
		return false;
	smi_bitmap_drain(b);
	page = smi_bitmap_find_dirty(b, first_block << block_shift, b->npages);
	if (page == b->npages)
		return false;
	*ret_block = page >> block_shift;
	return true;
}

bool smudge_bitmap_test(struct smudge_bitmap *b, uint64_t page)
{
	return smudge_bitmap_any(b, page, 1);
}

bool smudge_bitmap_any(struct smudge_bitmap *b, uint64_t first_page,
		       uint64_t npages)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first_page, &npages))
		return false;
	smi_bitmap_drain(b);
	end = first_page + npages;
	return smi_bitmap_find_dirty(b, first_page, end) != end;
}

bool smudge_bitmap_all(struct smudge_bitmap *b, uint64_t first_page,
		       uint64_t npages)
{
	uint64_t end;

	if (!smi_bitmap_clamp(b, first_page, &npages))
		return true;
	smi_bitmap_drain(b);
	end = first_page + npages;
	return smi_bitmap_find_clean(b, first_page, end) == end;
}

/* Dirty pages among [first, end) of a group. */
static uint64_t count_group(const struct smudge_bitmap *b, uint64_t group,
			    unsigned int first, unsigned int end)
{
	uint64_t n = 0;

	if (smi_group_is_full(b, group))
		return end - first;
	if (first == 0 && end == SMI_GROUP_PAGES)
		return smi_group_count(b, group);
	for (unsigned int i = first / 64; i * 64 < end; i++)
		n += (uint64_t)__builtin_popcountll(
			smi_group_get_word(b, group, i) &
			smi_word_mask(i, first, end));
	return n;
}

uint64_t smudge_bitmap_count(struct smudge_bitmap *b, uint64_t first_page,
			     uint64_t npages)
{
	uint64_t end, ngroups, n = 0;

	if (!smi_bitmap_clamp(b, first_page, &npages))
		return 0;
	smi_bitmap_drain(b);
	end = first_page + npages;
	ngroups = smi_count_groups(end);
	for (uint64_t group = smi_page_group(first_page);; group++) {
		uint64_t base, stop;

		group = smi_group_next(b, group, ngroups);
		if (group == ngroups)
			return n;
		base = smi_group_page(group);
		stop = end - base < SMI_GROUP_PAGES ? end - base
						    : SMI_GROUP_PAGES;
		n += count_group(b, group,
				 first_page > base
					 ? (unsigned int)(first_page - base)
					 : 0,
				 (unsigned int)stop);
	}
}
