/* SPDX-License-Identifier: MIT */
/*
 * Merging bits of another page size: a stage before the merge.
 *
 * Pages of the bitmaps are counted from the source's first one, in groups. A
 * group is made in a buffer, from the bits of the source that stand for it, and
 * a few groups in a row are merged at once. Smaller pages of the source are
 * folded, 64 words of the source at a time. Larger ones are expanded; those of
 * 64 pages or more are merged as words. Stretches of words of the source that
 * are zero or all ones are passed at the speed of the memory.
 */
#include "bitmap/scale.h"

#include "bitmap/group.h"
#include "bitmap/kernels/scale.h"
#include "bitmap/merge.h"
#include "bitmap/merge_ones.h"
#include "bitmap/words.h"
#include "common/range.h"

/* Groups that are merged at once: 4 KiB of them. */
#define CHUNK_GROUPS 8

struct scale {
	const struct smi_scaled *from;
	const struct smi_kernels *kernels;
	uint64_t end_page; /* of the source */
	uint64_t end_group;
	bool is_host_order; /* words of the host, at an aligned address */
	uint64_t clean_first, clean_end; /* no page in between is dirty */
};

struct merge_into {
	struct smudge_bitmap *const *bitmaps;
	size_t nbitmaps;
	uint64_t *npages_found;
};

/* The bit of page @page of the source, which is not before its first one. */
static uint64_t bit_of(const struct scale *s, uint64_t page)
{
	return s->from->first_bit + (page - s->from->first_page);
}

static const uint64_t *word_at(const struct scale *s, uint64_t bit)
{
	return (const uint64_t *)s->from->bits + smi_page_word(bit);
}

/* The group that a page of the source is in, or begins in. */
static uint64_t group_of(const struct scale *s, uint64_t page)
{
	const struct smi_scaled *from = s->from;

	return smi_page_group(from->is_finer ? page >> from->shift
					     : page << from->shift);
}

/* The page of the source that a group begins with, or within. */
static uint64_t page_of(const struct scale *s, uint64_t group)
{
	uint64_t page = smi_group_page(group);

	return s->from->is_finer ? page << s->from->shift
				 : page >> s->from->shift;
}

/* The first word from @word on, of those before @end, that is not zero. */
static uint64_t find_word(const struct scale *s, uint64_t word, uint64_t end)
{
	const uint64_t *words = s->from->bits;

	if (s->is_host_order) {
		if (word < end && words[word]) /* most often */
			return word;
		word += SMI_GROUP_WORDS *
			s->kernels->skip_zero_groups(
				words + word, (end - word) / SMI_GROUP_WORDS);
		return s->kernels->find_nonzero(words, words, word, end);
	}
	while (word < end && !smi_load_word(words, word))
		word++;
	return word;
}

/* The first dirty page from @page on, or end_page. */
static uint64_t find_page(const struct scale *s, uint64_t page)
{
	uint64_t bit = bit_of(s, page), word = smi_page_word(bit);
	uint64_t end = smi_page_word(bit_of(s, s->end_page) + 63);
	uint64_t some = smi_load_word(s->from->bits, word) >> (bit & 63);

	if (!some) {
		/* where aligned, its word again: vectors stay aligned too */
		word = find_word(s, word + ((bit & 63) != 0), end);
		if (word == end)
			return s->end_page;
		some = smi_load_word(s->from->bits, word);
		page += word * 64 - bit;
	}
	return min_u64(page + (unsigned int)__builtin_ctzll(some), s->end_page);
}

/*
 * The next dirty page from @page on, or end_page. Each stretch of
 * clean pages is read once, for the group that it is in and for what follows.
 */
static uint64_t next_page(struct scale *s, uint64_t page)
{
	if (page < s->from->first_page)
		page = s->from->first_page;
	if (page >= s->end_page)
		return s->end_page;
	if (page < s->clean_first || page > s->clean_end) {
		s->clean_first = page;
		s->clean_end = find_page(s, page);
	}
	return s->clean_end;
}

/*
 * All pages from @page on, up to the one returned, are dirty: it may be clean,
 * or is in the last word before @end.
 */
static uint64_t next_clean(const struct scale *s, uint64_t page, uint64_t end)
{
	const uint64_t *words = s->from->bits;
	uint64_t bit = bit_of(s, page);
	uint64_t word = smi_page_word(bit);
	uint64_t end_word = smi_page_word(bit_of(s, end));

	if (page < s->from->first_page || !s->is_host_order ||
	    word >= end_word || words[word] != SMI_ALL_ONES)
		return page;
	word = s->kernels->find_not_ones(words, word, end_word);
	return page + (word * 64 - bit);
}

/* Bits of pages [page, page + n); those outside the source's range are 0. */
static void copy_bits(const struct scale *s, uint64_t page, uint64_t n,
		      uint64_t *buffer)
{
	uint64_t end = s->end_page - page < n ? s->end_page : page + n;

	for (uint64_t at = page; at < page + n; at += 64) {
		uint64_t low =
			at < s->from->first_page ? s->from->first_page - at : 0;
		uint64_t high = at < end ? end - at : 0;

		*buffer = 0;
		if (high > 64)
			high = 64;
		if (low < high)
			*buffer = smi_load_bits(s->from->bits,
						bit_of(s, at + low),
						(unsigned int)(high - low))
				  << low;
		buffer++;
	}
}

/* The same, for whole groups and a page before the end: copied if need be. */
static const uint64_t *read_bits(const struct scale *s, uint64_t page,
				 uint64_t n, uint64_t *buffer)
{
	bool is_inside = page >= s->from->first_page && s->end_page - page >= n;
	uint64_t bit = bit_of(s, page);

	if (is_inside && s->is_host_order && !(bit & 63))
		return word_at(s, bit);
	if (is_inside && s->is_host_order && n == SMI_GROUP_PAGES)
		s->kernels->shift_group(buffer, word_at(s, bit), bit & 63);
	else
		copy_bits(s, page, n, buffer);
	return buffer;
}

static unsigned int kernel_shift(const struct scale *s)
{
	return s->from->shift < SMI_SCALE_MAX ? s->from->shift : SMI_SCALE_MAX;
}

static void set_bits(uint64_t *words, uint64_t first, uint64_t end)
{
	for (uint64_t i = smi_page_word(first); i * 64 < end; i++)
		words[i] |= smi_word_mask((unsigned int)i, (unsigned int)first,
					  (unsigned int)end);
}

/* One group of the source, to bits of @dst from bit @at on. */
static void fold_group(const struct scale *s, uint64_t page, uint64_t *dst,
		       uint64_t at)
{
	uint64_t buffer[SMI_GROUP_WORDS], part;
	const uint64_t *src = read_bits(s, page, SMI_GROUP_PAGES, buffer);

	if (s->from->shift <= SMI_WORD_SHIFT) {
		s->kernels->fold_group(dst + smi_page_word(at), src,
				       s->from->shift);
		return;
	}
	s->kernels->fold_group(&part, src, kernel_shift(s));
	dst[smi_page_word(at)] |= part << (at & 63);
}

/* Fold all groups of the source that a group is made of. */
static void fold(struct scale *s, uint64_t group, uint64_t *dst)
{
	unsigned int shift = s->from->shift;
	uint64_t first = page_of(s, group);
	uint64_t end = min_u64(page_of(s, group + 1), s->end_page);
	uint64_t page = first, clean;

	memset(dst, 0, SMI_GROUP_WORDS * 8);
	while (page < end) {
		page = next_page(s, page) & ~(SMI_GROUP_PAGES - 1);
		if (page >= end)
			return;
		clean = next_clean(s, page, end) & ~(SMI_GROUP_PAGES - 1);
		if (clean > page) { /* whole groups: no need to fold them */
			set_bits(dst, (page - first) >> shift,
				 ((clean - first - 1) >> shift) + 1);
			page = clean;
			continue;
		}
		fold_group(s, page, dst, (page - first) >> shift);
		page += SMI_GROUP_PAGES;
	}
}

static void expand(const struct scale *s, uint64_t group, uint64_t *dst)
{
	unsigned int shift = kernel_shift(s);
	uint64_t buffer[SMI_GROUP_WORDS];
	const uint64_t *src = read_bits(s, page_of(s, group),
					SMI_GROUP_PAGES >> shift, buffer);

	s->kernels->expand_group(dst, src, shift);
}

static void make_group(struct scale *s, uint64_t group, uint64_t *dst)
{
	if (s->from->is_finer)
		fold(s, group, dst);
	else
		expand(s, group, dst);
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		dst[i] = htole64(dst[i]);
}

/* The next group from @group on that may have a dirty page, or end_group. */
static uint64_t next_group(struct scale *s, uint64_t group)
{
	uint64_t page = next_page(s, page_of(s, group));
	uint64_t next = s->end_group;

	if (page < s->end_page)
		next = group_of(s, page);
	return next < group ? group : next; /* in a page of several groups */
}

/* The group before which all is dirty if all pages before @page are. */
static uint64_t filled_by(const struct scale *s, uint64_t page)
{
	const struct smi_scaled *from = s->from;
	uint64_t npages =
		from->is_finer ? page >> from->shift : page << from->shift;

	return npages < from->limit_pages ? smi_page_group(npages)
					  : s->end_group;
}

/* The first group from @group on that may have a clean page, or end_group. */
static uint64_t next_not_full(const struct scale *s, uint64_t group)
{
	uint64_t page = page_of(s, group);
	uint64_t end = next_clean(s, page, s->end_page);

	return end > page ? max_u64(group, filled_by(s, end)) : group;
}

static uint64_t pages_between(const struct scale *s, uint64_t group,
			      uint64_t end)
{
	return min_u64(smi_group_page(end), s->from->limit_pages) -
	       smi_group_page(group);
}

/* All pages of groups [group, end) are dirty. */
static void merge_full(const struct merge_into *into, const struct scale *s,
		       uint64_t group, uint64_t end)
{
	uint64_t first_page = s->from->base_page + smi_group_page(group);
	uint64_t npages = pages_between(s, group, end);

	for (size_t i = 0; i < into->nbitmaps; i++)
		smudge_bitmap_set_range(into->bitmaps[i], first_page, npages);
	*into->npages_found += npages;
}

/* Does each bit of the source stand for whole words of 64 pages? */
static bool is_of_words(const struct scale *s, uint64_t group)
{
	return !s->from->is_finer && s->from->shift >= SMI_WORD_SHIFT &&
	       smi_group_page(group + 1) <= s->from->limit_pages;
}

/* Bits of the source that stand for whole words. Return: the group behind. */
static uint64_t merge_words(const struct merge_into *into,
			    const struct scale *s, uint64_t group)
{
	uint64_t first = s->from->base_page + smi_group_page(group);
	unsigned int shift = kernel_shift(s);
	uint64_t ones;

	copy_bits(s, page_of(s, group), SMI_GROUP_PAGES >> shift, &ones);
	if (shift > SMI_WORD_SHIFT)
		ones = smi_expand_few(ones, shift - SMI_WORD_SHIFT);
	smi_bitmap_merge_ones(into->bitmaps, into->nbitmaps, first, ones);
	*into->npages_found += SMI_WORD_PAGES * smi_count_bits(ones);
	return group + 1;
}

/* Groups that were made, between two that are clean. */
struct chunk {
	uint64_t words[CHUNK_GROUPS + 2][SMI_GROUP_WORDS];
};

/*
 * Groups [first, end), which are in @chunk from its second on. Where they are
 * parts of the bitmaps' groups, whole ones are merged, which is quicker, unless
 * the last of them is beyond a bitmap's end.
 */
static void merge_made(const struct merge_into *into, const struct scale *s,
		       uint64_t first, uint64_t end, struct chunk *chunk)
{
	uint64_t page = s->from->base_page + smi_group_page(first);
	uint64_t offset = page & (SMI_GROUP_PAGES - 1);
	uint64_t npages = pages_between(s, first, end);

	if (offset && npages == smi_group_page(end - first)) {
		memset(chunk->words[0], 0, SMI_GROUP_WORDS * 8);
		memset(chunk->words[1 + end - first], 0, SMI_GROUP_WORDS * 8);
		if (!smi_bitmap_merge(
			    into->bitmaps, into->nbitmaps, page - offset, chunk,
			    SMI_GROUP_PAGES - offset, npages + SMI_GROUP_PAGES,
			    into->npages_found))
			return;
	}
	smi_bitmap_merge(into->bitmaps, into->nbitmaps, page, chunk,
			 SMI_GROUP_PAGES, npages, into->npages_found);
}

/* Make groups from @group on, and merge them. Return: the group behind. */
static uint64_t merge_chunk(const struct merge_into *into, struct scale *s,
			    uint64_t group)
{
	uint64_t first = group, next;
	struct chunk chunk;

	do {
		make_group(s, group, chunk.words[1 + group - first]);
		next = next_group(s, ++group);
	} while (next == group && group < s->end_group &&
		 group - first < CHUNK_GROUPS);
	merge_made(into, s, first, group, &chunk);
	return group;
}

void smi_bitmap_merge_scaled(struct smudge_bitmap *const *bitmaps,
			     size_t nbitmaps, const struct smi_scaled *from,
			     uint64_t *npages_found)
{
	struct scale s = {
		.from = from,
		.end_page = from->first_page + from->npages,
		.clean_first = UINT64_MAX, /* nothing is known yet */
		.end_group = smi_count_groups(from->limit_pages),
		.is_host_order = __BYTE_ORDER == __LITTLE_ENDIAN &&
				 ((uintptr_t)from->bits & 7) == 0,
	};
	struct merge_into into = {bitmaps, nbitmaps, npages_found};
	uint64_t group, next;

	if (!nbitmaps || !from->npages)
		return;
	s.kernels = bitmaps[0]->kernels;
	group = next_group(&s, 0);
	while (group < s.end_group) {
		next = next_not_full(&s, group);
		if (next > group)
			merge_full(&into, &s, group, next);
		else if (is_of_words(&s, group))
			next = merge_words(&into, &s, group);
		else
			next = merge_chunk(&into, &s, group);
		group = next_group(&s, next);
	}
}
