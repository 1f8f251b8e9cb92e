/* SPDX-License-Identifier: MIT */
/*
 * What the files for the kinds of memory share: reading a chunk's words of
 * pagemap, and reporting its pages.
 */
#include "source/drops_chunk.h"

int smi_drops_words(const struct smi_drops_chunk *chunk, uint64_t page,
		    uint64_t npages, uint64_t *words)
{
	const struct smi_drops *d = chunk->drops;
	uint64_t first = (chunk->range->start >> d->page_shift) +
			 chunk->first_page + page;

	return smi_sys_pagemap_words(d->pagemap, first, npages, words);
}

void smi_drops_emit(const struct smi_drops_chunk *chunk, uint64_t word,
		    uint64_t bits, bool is_sure)
{
	const struct smi_drops *d = chunk->drops;
	uint64_t page = chunk->first_page + word * 64;

	while (chunk->sink && bits) {
		unsigned int first = (unsigned int)__builtin_ctzll(bits);
		uint64_t rest = ~(bits >> first);
		unsigned int n =
			rest ? (unsigned int)__builtin_ctzll(rest) : 64;
		uint64_t at =
			chunk->range->start + ((page + first) << d->page_shift);

		smudge_sink_dropped(chunk->sink, at - d->base,
				    (uint64_t)n << d->page_shift, is_sure);
		bits &= n == 64 ? 0 : ~(((UINT64_C(1) << n) - 1) << first);
	}
}

size_t smi_drops_first_range(const struct smi_drops *d, uint64_t address)
{
	size_t low = 0, high = d->nranges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
