/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: is a page mapped here, and if not, is its content resident?
 *
 * A scan that protects nothing finds the pages that are not mapped. mincore(2)
 * is asked only about pages that had content and are not mapped, since it looks
 * up each page in the page cache. If this process may not know (the file is
 * another user's, and this process may not write it), mincore says resident.
 */
#include "source/drops_shared.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sys/maps.h"

/*
 * Is there a mapping of all addresses? MS_ASYNC does nothing else than to look.
 * If it cannot be known: no.
 */
static bool is_without_holes(const struct smi_drops *d, uint64_t start,
			     uint64_t end)
{
	const struct smi_uffd_target *target = d->target;
	struct smi_sys_mapping m;

	if (target)
		return smi_sys_maps_query(target->maps, start, &m) == 0 &&
		       m.start <= start && m.end >= end;
	return msync((void *)(uintptr_t)start, end - start, MS_ASYNC) == 0;
}

/* Were most of the chunk's pages mapped at the last harvest? */
static bool were_most_mapped(const struct smi_drops_chunk *chunk)
{
	const uint64_t *mapped = chunk->range->mapped + chunk->first_page / 64;
	uint64_t n = 0;

	for (uint64_t w = 0; w * 64 < chunk->npages; w++)
		n += (uint64_t)__builtin_popcountll(mapped[w]);
	return n > chunk->npages / 2;
}

/* The kernel is quick with what it does not find: so ask for the few. */
static int find_mapped(const struct smi_drops_chunk *chunk, uint64_t *now)
{
	struct smi_sys_page_run *runs = chunk->drops->scratch->runs;
	unsigned int shift = chunk->drops->page_shift;
	uint64_t start = smi_drops_address(chunk, 0);
	uint64_t end = smi_drops_address(chunk, chunk->npages);
	uint64_t absent[SMI_DROPS_CHUNK_WORDS] = {0};
	bool are_absent = were_most_mapped(chunk) &&
			  is_without_holes(chunk->drops, start, end);
	uint64_t *found = are_absent ? absent : now;
	long n = (are_absent ? smi_sys_pagemap_find_absent
			     : smi_sys_pagemap_find_present)(
		chunk->drops->pagemap, start, end, runs, SMI_DROPS_CHUNK_RUNS);

	for (long i = 0; i < n; i++)
		smi_drops_set(found, (runs[i].start - start) >> shift,
			      (runs[i].end - start) >> shift);
	if (n < 0 || !are_absent)
		return n < 0 ? (int)n : 0;
	smi_drops_set(now, 0, chunk->npages);
	for (size_t w = 0; w < SMI_DROPS_CHUNK_WORDS; w++)
		now[w] &= ~absent[w];
	return 0;
}

/* The kernel is migrating the page, or it was mapped since the scan. */
static bool is_mapped_still(const struct smi_drops *d, uint64_t word)
{
	return word & SMI_SYS_PAGEMAP_PRESENT ||
	       (word & SMI_SYS_PAGEMAP_SWAPPED && d->marker.is_seen &&
		!smi_sys_marker_is(&d->marker, word));
}

/* Read the words of pages that were mapped and that the scan did not find. */
static int check_missing(const struct smi_drops_chunk *chunk, uint64_t word,
			 uint64_t *now)
{
	const uint64_t *mapped = chunk->range->mapped + chunk->first_page / 64;
	uint64_t *words = chunk->drops->scratch->words;
	uint64_t left = mapped[word] & ~now[word];
	int ret;

	if (!left)
		return 0;
	ret = smi_drops_words(chunk, word * 64, smi_drops_pages_of(chunk, word),
			      words);
	for (; !ret && left; left &= left - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(left);

		if (is_mapped_still(chunk->drops, words[i]))
			now[word] |= UINT64_C(1) << i;
	}
	return ret;
}

/* Which pages are in memory: bit 0 of each byte. */
static int ask(const struct smi_drops *d, uint64_t at, uint64_t npages,
	       unsigned char *resident)
{
	if (d->target)
		return smi_drops_resident_ask(&d->resident, at, npages,
					      d->page_shift, resident);
	if (mincore((void *)(uintptr_t)at, npages << d->page_shift, resident) <
		    0 &&
	    errno != ENOMEM)
		return -errno;
	return 0;
}

/*
 * Those of the pages @wanted that have no content, as holes have none; and
 * those of which it cannot be known.
 */
static int find_empty(const struct smi_drops_chunk *chunk, uint64_t word,
		      uint64_t wanted, uint64_t *ret_empty,
		      uint64_t *ret_unknown)
{
	unsigned char *resident = chunk->drops->scratch->resident;
	uint64_t npages = smi_drops_pages_of(chunk, word);

	int ret;

	*ret_empty = *ret_unknown = 0;
	if (npages < 64)
		wanted &= (UINT64_C(1) << npages) - 1;
	if (!wanted)
		return 0;
	memset(resident, 0, npages);
	ret = ask(chunk->drops, smi_drops_address(chunk, word * 64), npages,
		  resident);
	if (ret < 0)
		return ret;
	for (; wanted; wanted &= wanted - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(wanted);

		if (resident[i] == SMI_DROPS_UNKNOWN)
			*ret_unknown |= UINT64_C(1) << i;
		else if (!(resident[i] & 1))
			*ret_empty |= UINT64_C(1) << i;
	}
	return 0;
}

static int check_word(const struct smi_drops_chunk *chunk, uint64_t word,
		      uint64_t *now)
{
	uint64_t *mapped = &chunk->range->mapped[chunk->first_page / 64 + word];
	uint64_t *content =
		&chunk->range->content[chunk->first_page / 64 + word];
	uint64_t empty, unknown;
	int ret = check_missing(chunk, word, now);

	if (ret < 0)
		return ret;
	ret = find_empty(chunk, word, *content & ~now[word], &empty, &unknown);
	if (ret < 0)
		return ret;
	smi_drops_emit(chunk, word, (*mapped & ~now[word]) | empty | unknown,
		       false);
	/* At the start: what was never mapped there is left to its writers. */
	if (!chunk->sink)
		empty |= unknown;
	/* A look sets new bits too: they can only add reports. */
	*content |= now[word];
	*mapped |= now[word];
	if (!chunk->is_look) {
		*mapped = now[word];
		*content &= ~empty;
	}
	return 0;
}

bool smi_drops_untouched_shared(const struct smi_drops *d,
				struct smi_drops_range *range, uint64_t start,
				uint64_t end)
{
	uint64_t first = (start - range->start) >> d->page_shift;
	uint64_t limit = (end - range->start) >> d->page_shift;

	if (!is_without_holes(d, start, end) ||
	    smi_sys_pagemap_find_touched(d->pagemap, start, end) != 0)
		return false;
	/* what smi_drops_check_shared would have noted */
	smi_drops_set(range->mapped, first, limit);
	smi_drops_set(range->content, first, limit);
	return true;
}

int smi_drops_check_shared(const struct smi_drops_chunk *chunk)
{
	uint64_t now[SMI_DROPS_CHUNK_WORDS] = {0};
	int ret = find_mapped(chunk, now);

	for (uint64_t w = 0; !ret && w * 64 < chunk->npages; w++)
		ret = check_word(chunk, w, now);
	return ret;
}
