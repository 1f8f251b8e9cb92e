/* SPDX-License-Identifier: MIT */
/*
 * Reads of little-endian bits at any alignment, on any host: a word, or a part
 * of one.
 */
#ifndef LIB_BITMAP_WORDS_H
#define LIB_BITMAP_WORDS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t smi_load_word(const void *bits, uint64_t index)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)bits + index * 8, 8);
	return le64toh(word);
}

/* @n bits (1 to 64) from bit @from on. Only words that have some are read. */
static inline uint64_t smi_load_bits(const void *bits, uint64_t from,
				     unsigned int n)
{
	unsigned int shift = from & 63;
	uint64_t word = smi_load_word(bits, from >> 6) >> shift;

	if (shift + n > 64)
		word |= smi_load_word(bits, (from >> 6) + 1) << (64 - shift);
	return word & (~UINT64_C(0) >> (64 - n));
}

#endif
