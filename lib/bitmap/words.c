/* SPDX-License-Identifier: MIT */
/*
 * Runs of a kernel bitmap, for sources whose pages differ in size from their
 * region's. It goes word by word: such sources are few and coarse.
 */
#include "bitmap/words.h"

/* The first bit at or after @at that is set (or clear), or @nbits. */
static uint64_t find_bit(const void *bits, uint64_t first_bit, uint64_t at,
			 uint64_t nbits, bool set)
{
	while (at < nbits) {
		unsigned int n =
			nbits - at < 64 ? (unsigned int)(nbits - at) : 64;
		uint64_t word = smi_load_bits(bits, first_bit + at, n);

		if (!set)
			word = ~word & (~UINT64_C(0) >> (64 - n));
		if (word)
			return at + (uint64_t)__builtin_ctzll(word);
		at += n;
	}
	return nbits;
}

bool smi_bits_next_run(const void *bits, uint64_t first_bit, uint64_t at,
		       uint64_t nbits, struct smudge_run *ret)
{
	uint64_t first = find_bit(bits, first_bit, at, nbits, true);

	if (first >= nbits)
		return false;
	ret->first_page = first;
	ret->npages = find_bit(bits, first_bit, first, nbits, false) - first;
	return true;
}
