/* SPDX-License-Identifier: MIT */
/*
 * A plain bitmap of pages, as a program has it that uses a mechanism by hand.
 */
#ifndef BENCH_SOURCES_BITS_H
#define BENCH_SOURCES_BITS_H

#include <stdint.h>
#include <string.h>

#include "sources.h"

struct sources_bits {
	uint64_t *words;
	uint64_t nwords;
};

static inline void sources_bits_open(struct sources_bits *bits, uint64_t npages)
{
	bits->nwords = (npages + 63) / 64;
	bits->words = sources_alloc(bits->nwords * sizeof(*bits->words));
	/* written once, or the kernel's page of zeros is what a merge reads */
	memset(bits->words, 0xff, bits->nwords * sizeof(*bits->words));
	memset(bits->words, 0, bits->nwords * sizeof(*bits->words));
}

static inline void sources_bits_set(struct sources_bits *bits, uint64_t page)
{
	bits->words[page / 64] |= UINT64_C(1) << page % 64;
}

static inline void sources_bits_merge(struct sources_bits *into,
				      const struct sources_bits *from)
{
	for (uint64_t i = 0; i < into->nwords; i++)
		into->words[i] |= from->words[i];
}

/* How many there are; none is left. */
static inline uint64_t sources_bits_count(struct sources_bits *bits)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < bits->nwords; i++) {
		n += (unsigned int)__builtin_popcountll(bits->words[i]);
		bits->words[i] = 0;
	}
	return n;
}

#endif
