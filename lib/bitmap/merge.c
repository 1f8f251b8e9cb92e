/* SPDX-License-Identifier: MIT */
/*
 * Merging a kernel's bitmap into several bitmaps in one pass.
 *
 * The kernel's words are read once, a group of the destination at a time:
 * stretches of zero groups are skipped at the speed of the memory; a group
 * that is all ones becomes one full bit; any other is summed up (which of
 * its 64 words is not zero) and ORed into each bitmap while it is in the
 * first-level cache. A bit offset that is no multiple of 64, a big-endian
 * host or an unaligned pointer only change how the group is fetched: shifted
 * into a buffer first. Partial groups are fetched into a zeroed buffer.
 */
#include "bitmap/merge.h"

#include <errno.h>
#include <string.h>

#include "bitmap/bitmap.h"
#include "bitmap/words.h"

struct merge {
	struct smudge_bitmap *const *bitmaps;
	size_t nbitmaps;
	const struct smi_kernels *kernels;
	const uint8_t *bits;
	uint64_t first_bit; /* of @bits, for page 0 of the range */
	uint64_t first_page;
	uint64_t end_page;
	uint64_t *npages_found; /* may be NULL */
};

/* Fetch pages [first, end) of the group at @base into a zeroed buffer. */
static void fetch_part(const struct merge *m, uint64_t base, unsigned int first,
		       unsigned int end, uint64_t *buffer)
{
	memset(buffer, 0, SMI_GROUP_WORDS * 8);
	while (first < end) {
		unsigned int low = first & 63;
		unsigned int n =
			end - first < 64 - low ? end - first : 64 - low;
		uint64_t from = m->first_bit + (base + first - m->first_page);

		buffer[first / 64] = smi_load_bits(m->bits, from, n) << low;
		first += n;
	}
}

static bool is_host_order(const struct merge *m)
{
	return __BYTE_ORDER == __LITTLE_ENDIAN && ((uintptr_t)m->bits & 7) == 0;
}

/* A whole group at @base: in place when it can be, else shifted to @buffer. */
static const uint64_t *fetch_whole(const struct merge *m, uint64_t base,
				   uint64_t *buffer)
{
	uint64_t from = m->first_bit + (base - m->first_page);
	const uint64_t *words;

	if (!is_host_order(m)) {
		fetch_part(m, base, 0, SMI_GROUP_PAGES, buffer);
		return buffer;
	}
	words = (const uint64_t *)(const void *)m->bits + (from >> 6);
	if ((from & 63) == 0)
		return words;
	m->kernels->shift_group(buffer, words, from & 63);
	return buffer;
}

static void or_into(struct smudge_bitmap *b, uint64_t group,
		    const uint64_t *words, uint64_t summary)
{
	if (smi_bitmap_is_full(b, group))
		return;
	b->kernels->or_group(smi_bitmap_words(b, group), words, summary);
	b->bits[1][group] |= summary;
	b->bits[2][group >> 6] |= UINT64_C(1) << (group & 63);
}

static void merge_group(const struct merge *m, uint64_t group,
			const uint64_t *words)
{
	uint64_t summary = m->kernels->summarise(words);
	bool is_full =
		summary == SMI_ALL_ONES && m->kernels->is_all_ones(words);

	if (!summary)
		return;
	if (m->npages_found)
		*m->npages_found +=
			is_full ? SMI_GROUP_PAGES : m->kernels->popcount(words);
	for (size_t i = 0; i < m->nbitmaps; i++) {
		if (is_full)
			smi_bitmap_fill_group(m->bitmaps[i], group);
		else
			or_into(m->bitmaps[i], group, words, summary);
	}
}

static void merge_partial(const struct merge *m, uint64_t group, uint64_t first,
			  uint64_t end)
{
	uint64_t base = group << SMI_GROUP_SHIFT;
	uint64_t buffer[SMI_GROUP_WORDS];

	fetch_part(m, base, (unsigned int)(first - base),
		   (unsigned int)(end - base), buffer);
	merge_group(m, group, buffer);
}

/* Whole groups [group, end). */
static void merge_whole(const struct merge *m, uint64_t group, uint64_t end)
{
	uint64_t buffer[SMI_GROUP_WORDS];

	while (group < end) {
		uint64_t base = group << SMI_GROUP_SHIFT;
		uint64_t from = m->first_bit + (base - m->first_page);

		if (is_host_order(m) && (from & 63) == 0) {
			const uint64_t *words =
				(const uint64_t *)(const void *)m->bits;

			group += m->kernels->skip_zero_groups(
				words + (from >> 6), end - group);
			if (group == end)
				return;
			base = group << SMI_GROUP_SHIFT;
		}
		merge_group(m, group, fetch_whole(m, base, buffer));
		group++;
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
	};
	uint64_t group = first_page >> SMI_GROUP_SHIFT;
	uint64_t last = m.end_page >> SMI_GROUP_SHIFT;

	if (m.end_page < first_page || !is_inside(&m))
		return -EINVAL;
	if (!nbitmaps || !npages)
		return 0;
	m.kernels = bitmaps[0]->kernels;
	if (group == last) {
		merge_partial(&m, group, first_page, m.end_page);
		return 0;
	}
	if (first_page & (SMI_GROUP_PAGES - 1)) {
		merge_partial(&m, group, first_page,
			      (group + 1) << SMI_GROUP_SHIFT);
		group++;
	}
	merge_whole(&m, group, last);
	if (m.end_page & (SMI_GROUP_PAGES - 1))
		merge_partial(&m, last, last << SMI_GROUP_SHIFT, m.end_page);
	return 0;
}

int smudge_bitmap_merge(struct smudge_bitmap *const *bitmaps, size_t nbitmaps,
			uint64_t first_page, const void *bits,
			uint64_t first_bit, uint64_t npages)
{
	return smi_bitmap_merge(bitmaps, nbitmaps, first_page, bits, first_bit,
				npages, NULL);
}
