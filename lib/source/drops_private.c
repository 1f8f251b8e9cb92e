/* SPDX-License-Identifier: MIT */
/*
 * Private mappings of files: does a page still have its own copy?
 *
 * Only words of pages with a bit are read. So memory that was restored from a
 * file and is only read costs next to nothing.
 */
#include "source/drops_private.h"

enum copy {
	OWN,
	GONE,
	UNSURE /* in swap, or dropped */
};

/*
 * While the kernel migrates a page (compaction does), its word says swapped,
 * and still whether it is the file's. Otherwise, if a page is not mapped, only
 * swap can hold its copy. A page of hugetlbfs is never in swap, and its
 * marker's word does not say swapped either.
 */
static enum copy classify(const struct smi_drops *d, uint64_t word)
{
	if (word & SMI_SYS_PAGEMAP_FILE)
		return GONE;
	if (word & SMI_SYS_PAGEMAP_PRESENT)
		return OWN;
	if (!(word & SMI_SYS_PAGEMAP_SWAPPED))
		return GONE;
	if (!d->marker.is_seen)
		return UNSURE;
	return smi_sys_marker_is(&d->marker, word) ? GONE : OWN;
}

/*
 * A page that is unsure after its protection keeps the bit it had before. Its
 * word is the marker of a page without a copy; or, between the two calls, it
 * got its first copy and was swapped out. The latter does not happen: the
 * kernel swaps out a page that was just stored to last of all.
 */
int smi_drops_learn_private(const struct smi_drops_chunk *chunk,
			    bool swapped_is_own)
{
	uint64_t *words = chunk->drops->scratch->words;
	uint64_t *own = chunk->range->own + chunk->first_page / 64;
	int ret = smi_drops_words(chunk, 0, chunk->npages, words);

	if (ret < 0)
		return ret;
	for (uint64_t i = 0; i < chunk->npages; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;
		enum copy copy = classify(chunk->drops, words[i]);

		if (copy == OWN || (copy == UNSURE && swapped_is_own))
			own[i / 64] |= bit;
		else if (copy == GONE)
			own[i / 64] &= ~bit;
	}
	return 0;
}

static void check_word(const struct smi_drops_chunk *chunk, uint64_t word,
		       const uint64_t *pages)
{
	uint64_t *own = &chunk->range->own[chunk->first_page / 64 + word];
	uint64_t gone = 0, unsure = 0;

	for (uint64_t left = *own; left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);
		enum copy copy = classify(chunk->drops, pages[i]);

		gone |= (uint64_t)(copy == GONE) << i;
		unsure |= (uint64_t)(copy == UNSURE) << i;
	}
	smi_drops_emit(chunk, word, gone, true);
	smi_drops_emit(chunk, word, unsure, false);
	if (!chunk->is_look)
		*own &= ~gone;
}

int smi_drops_check_private(const struct smi_drops_chunk *chunk)
{
	const uint64_t *own = chunk->range->own + chunk->first_page / 64;
	uint64_t *words = chunk->drops->scratch->words;
	uint64_t nwords = (chunk->npages + 63) / 64;
	uint64_t at = smi_drops_next(own, 0, nwords);

	while (at < nwords) {
		uint64_t end = at + 1, npages;
		int ret;

		while (end < nwords && own[end])
			end++;
		npages = (end - at - 1) * 64 +
			 smi_drops_pages_of(chunk, end - 1);
		ret = smi_drops_words(chunk, at * 64, npages, words);
		if (ret < 0)
			return ret;
		for (uint64_t w = at; w < end; w++)
			check_word(chunk, w, words + (w - at) * 64);
		at = smi_drops_next(own, end, nwords);
	}
	return 0;
}
