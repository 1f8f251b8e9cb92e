/* SPDX-License-Identifier: MIT */
/*
 * Merging a kernel's bitmap into several bitmaps in one pass.
 *
 * The kernel's words are read once, in blocks of groups. Stretches of zero
 * groups are skipped at the speed of the memory. The other groups are
 * classified (which of the 64 words are mixed, which are all ones), and their
 * destination is prefetched. Then a group that is all ones becomes one full
 * bit, and any other group is ORed into each bitmap while it is in the
 * first-level cache. If the bit offset is no multiple of 64, the host is
 * big-endian or the pointer is unaligned, the group is shifted to a buffer
 * first. Partial groups go word by word.
 */
#include "bitmap/merge.h"

#include <errno.h>

#include "bitmap/group.h"
#include "bitmap/words.h"

/* Groups that are classified before the first of them is ORed. */
#define BLOCK_GROUPS 32
/* The same where they are shifted to a buffer first, which has 2 KiB then. */
#define SHIFT_GROUPS 4
/*
 * A merge of that many pages writes 2 MiB per bitmap, more than a second-level
 * cache holds, and is faster if its stores pass the cache: docs/performance.md.
 */
#define PAST_CACHE_PAGES (UINT64_C(1) << 24)

struct merge {
	struct smudge_bitmap *const *bitmaps;
	size_t nbitmaps;
	const struct smi_kernels *kernels;
	const uint8_t *bits;
	uint64_t first_bit; /* of @bits, for page 0 of the range */
	uint64_t first_page;
	uint64_t end_page;
	uint64_t *npages_found; /* may be NULL */
	bool past_cache;
	bool is_host_order; /* words of the host, at an aligned address */
	bool is_in_place;   /* and with the bitmaps' alignment: no shift */
};

/* A whole group from bit @from, in any byte order and alignment. */
static void copy_group(const struct merge *m, uint64_t from, uint64_t *buffer)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		buffer[i] = smi_load_bits(m->bits, from + i * 64, 64);
}

/* The kernel's word that has the bit of page @base. */
static const uint64_t *word_at(const struct merge *m, uint64_t base)
{
	uint64_t from = m->first_bit + (base - m->first_page);

	return (const uint64_t *)(const void *)m->bits + smi_page_word(from);
}

/* Shift a whole group to @buffer, to the destination's alignment. */
static struct smi_group shift_group(const struct merge *m, uint64_t group,
				    uint64_t *buffer)
{
	uint64_t base = smi_group_page(group);
	uint64_t from = m->first_bit + (base - m->first_page);

	if (m->is_host_order)
		return m->kernels->shift_group(buffer, word_at(m, base),
					       from & 63);
	copy_group(m, from, buffer);
	return m->kernels->classify(buffer, SMI_GROUP_WORDS);
}

static void or_into(struct smudge_bitmap *b, uint64_t group,
		    const uint64_t *words, struct smi_group add,
		    bool past_cache)
{
	if (smi_group_is_full(b, group))
		return;
	b->kernels->or_group(smi_group_store(b, group), &b->groups[group],
			     words, add, past_cache);
	smi_group_summarize(b, group);
}

/* Out of line: only merges that count need it. */
static __attribute__((noinline)) void
add_pages(const struct merge *m, const uint64_t *words, struct smi_group add)
{
	*m->npages_found += m->kernels->popcount(words, add.mixed) +
			    64 * (uint64_t)__builtin_popcountll(add.ones);
}

static inline void count_pages(const struct merge *m, const uint64_t *words,
			       struct smi_group add)
{
	if (m->npages_found)
		add_pages(m, words, add);
}

static void merge_group(const struct merge *m, uint64_t group,
			const uint64_t *words, struct smi_group add)
{
	bool is_full = add.ones == SMI_ALL_ONES;

	count_pages(m, words, add);
	for (size_t i = 0; i < m->nbitmaps; i++) {
		if (is_full)
			smi_group_fill(m->bitmaps[i], group);
		else
			or_into(m->bitmaps[i], group, words, add,
				m->past_cache);
	}
}

/* Ask early for the cache lines that the stores to this group need. */
static void prefetch(const struct merge *m, uint64_t group, uint64_t add)
{
	for (size_t i = 0; i < m->nbitmaps; i++) {
		struct smudge_bitmap *b = m->bitmaps[i];

		if (add)
			m->kernels->prefetch(smi_group_store(b, group),
					     b->groups[group].mixed, add,
					     m->past_cache);
		else
			__builtin_prefetch(&b->groups[group], 1);
	}
}

/* @n groups whose words are at @words, aligned like the destination's. */
static void merge_block(const struct merge *m, uint64_t group, size_t n,
			const uint64_t *words)
{
	struct smi_group added[BLOCK_GROUPS];
	uint8_t dirty[BLOCK_GROUPS]; /* groups of the block, counted from 0 */
	size_t ndirty = 0;

	for (size_t i = 0; i < n; i++) {
		i += m->kernels->skip_zero_groups(words + i * SMI_GROUP_WORDS,
						  n - i);
		if (i == n)
			break;
		added[ndirty] = m->kernels->classify(
			words + i * SMI_GROUP_WORDS, SMI_GROUP_WORDS);
		prefetch(m, group + i, added[ndirty].mixed);
		dirty[ndirty++] = (uint8_t)i;
	}
	for (size_t i = 0; i < ndirty; i++)
		merge_group(m, group + dirty[i],
			    words + dirty[i] * SMI_GROUP_WORDS, added[i]);
}

/* Copy pages [first, end), in whole words; the other pages' bits are clear. */
static void copy_words(const struct merge *m, uint64_t first, uint64_t end,
		       uint64_t *buffer)
{
	uint64_t at = first & ~(SMI_WORD_PAGES - 1);

	for (; at < end; at += SMI_WORD_PAGES) {
		unsigned int low = first > at ? (unsigned int)(first - at) : 0;
		unsigned int high =
			end - at < 64 ? (unsigned int)(end - at) : 64;
		uint64_t from = m->first_bit + (at + low - m->first_page);

		*buffer++ = smi_load_bits(m->bits, from, high - low) << low;
	}
}

/* @n words of a group, from the word of page @first on. */
static inline void merge_words(const struct merge *m, uint64_t first,
			       const uint64_t *words, unsigned int n)
{
	uint64_t group = smi_page_group(first);
	unsigned int index = smi_word_index(first);
	struct smi_group add = m->kernels->classify(words, n);

	if (!smi_group_dirty(add))
		return;
	count_pages(m, words, add);
	add.mixed <<= index;
	add.ones <<= index;
	for (size_t i = 0; i < m->nbitmaps; i++)
		smi_group_or(m->bitmaps[i], group, words, index, &add);
}

/* The same, copied first. Out of line: the usual way needs no buffer. */
static __attribute__((noinline)) void merge_copied(const struct merge *m,
						   uint64_t first, uint64_t end,
						   unsigned int n)
{
	uint64_t buffer[SMI_GROUP_WORDS];

	copy_words(m, first, end, buffer);
	merge_words(m, first, buffer, n);
}

/* Pages [first, end), some but not all of a group. */
static void merge_partial(const struct merge *m, uint64_t first, uint64_t end)
{
	unsigned int n = (unsigned int)(smi_page_word(end - 1) -
					smi_page_word(first) + 1);

	if (m->is_in_place && ((first | end) & (SMI_WORD_PAGES - 1)) == 0)
		merge_words(m, first, word_at(m, first), n);
	else
		merge_copied(m, first, end, n);
}

/* How many of the kernel's words @n groups come from: shifted, one more. */
static size_t block_words(const struct merge *m, size_t n)
{
	return n * SMI_GROUP_WORDS + !m->is_in_place;
}

/* Only for groups that are shifted. */
static bool is_zero_block(const struct merge *m, uint64_t group, size_t n)
{
	const uint64_t *words = word_at(m, smi_group_page(group));

	return !words[n * SMI_GROUP_WORDS] &&
	       m->kernels->skip_zero_groups(words, n) == n;
}

static bool is_ones_block(const struct merge *m, uint64_t group, size_t n)
{
	const uint64_t *words = word_at(m, smi_group_page(group));
	size_t nwords = block_words(m, n);

	return m->kernels->find_not_ones(words, 0, nwords) == nwords;
}

static void fill_block(const struct merge *m, uint64_t group, size_t n)
{
	if (m->npages_found)
		*m->npages_found += n * SMI_GROUP_PAGES;
	for (size_t i = 0; i < n * m->nbitmaps; i++)
		smi_group_fill(m->bitmaps[i % m->nbitmaps],
			       group + i / m->nbitmaps);
}

/* The same as merge_block for groups that are shifted to a buffer first. */
static void merge_shifted(const struct merge *m, uint64_t group, size_t n)
{
	uint64_t buffer[SHIFT_GROUPS][SMI_GROUP_WORDS];
	struct smi_group added[SHIFT_GROUPS];

	for (size_t i = 0; i < n; i++) {
		added[i] = (struct smi_group){0, 0};
		if (m->is_host_order && is_zero_block(m, group + i, 1))
			continue;
		added[i] = shift_group(m, group + i, buffer[i]);
		prefetch(m, group + i, added[i].mixed);
	}
	for (size_t i = 0; i < n; i++) {
		if (smi_group_dirty(added[i]))
			merge_group(m, group + i, buffer[i], added[i]);
	}
}

/* Whole groups [group, group + n), a block at most. */
static void merge_groups(const struct merge *m, uint64_t group, size_t n)
{
	if (m->is_host_order && is_ones_block(m, group, n))
		fill_block(m, group, n);
	else if (m->is_in_place)
		merge_block(m, group, n, word_at(m, smi_group_page(group)));
	else if (!m->is_host_order || !is_zero_block(m, group, n))
		merge_shifted(m, group, n);
}

/* Whole groups [group, end). */
static void merge_whole(const struct merge *m, uint64_t group, uint64_t end)
{
	size_t step = m->is_in_place ? BLOCK_GROUPS : SHIFT_GROUPS;

	while (group < end) {
		size_t n = end - group < step ? end - group : step;

		merge_groups(m, group, n);
		group += n;
	}
}

static bool is_inside(const struct merge *m)
{
	for (size_t i = 0; i < m->nbitmaps; i++) {
		if (m->end_page > m->bitmaps[i]->npages)
			return false;
	}
	return true;
}

int smi_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
		     uint64_t first_page, const void *bits, uint64_t first_bit,
		     uint64_t npages, uint64_t *npages_found)
{
	struct merge m = {
		.bitmaps = bitmaps,
		.nbitmaps = nbitmaps,
		.bits = bits,
		.first_bit = first_bit,
		.first_page = first_page,
		.end_page = first_page + npages,
		.npages_found = npages_found,
		.past_cache = npages >= PAST_CACHE_PAGES,
		.is_host_order = __BYTE_ORDER == __LITTLE_ENDIAN &&
				 ((uintptr_t)bits & 7) == 0,
	};
	uint64_t group = smi_page_group(first_page);
	uint64_t last = smi_page_group(m.end_page);

	if (m.end_page < first_page || !is_inside(&m))
		return -EINVAL;
	if (!nbitmaps || !npages)
		return 0;
	m.kernels = bitmaps[0]->kernels;
	m.is_in_place = m.is_host_order &&
			((first_bit - first_page) & (SMI_WORD_PAGES - 1)) == 0;
	if (group == last) {
		merge_partial(&m, first_page, m.end_page);
		return 0;
	}
	if (first_page & (SMI_GROUP_PAGES - 1)) {
		merge_partial(&m, first_page, smi_group_page(group + 1));
		group++;
	}
	merge_whole(&m, group, last);
	for (size_t i = 0; m.past_cache && i < nbitmaps; i++)
		bitmaps[i]->kernels->order_stores();
	if (m.end_page & (SMI_GROUP_PAGES - 1))
		merge_partial(&m, smi_group_page(last), m.end_page);
	return 0;
}

int smudge_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
			uint64_t first_page, const void *bits,
			uint64_t first_bit, uint64_t npages)
{
	return smi_bitmap_merge(bitmaps, nbitmaps, first_page, bits, first_bit,
				npages, NULL);
}
