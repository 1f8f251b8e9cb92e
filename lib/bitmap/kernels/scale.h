/* SPDX-License-Identifier: MIT */
/*
 * Bits of one page size become bits of another: 2^shift bits fold to one, or
 * one expands to 2^shift. They are written once, and each variant compiles them
 * for its instructions: the loops over 64 words become vector code.
 *
 * FOLD. Every bit takes the OR of the 2^shift bits from it on, one of each
 * 2^shift is kept, and what is kept moves together: with gaps of half the bits
 * filled in each step. For shift 2, a byte at a time, where x is any bit:
 *
 *	abcdefgh  ->  xxxAxxxB  ->  000A000B  ->  000000AB, 16 bits, ...
 *
 * EXPAND. The same steps backwards, and then each bit at i becomes the bits
 * from i up to i + 2^shift: all of them at once by one subtraction, since no
 * two of these runs overlap. From shift 3 on a variant has something quicker:
 * a comparison of lanes of 2^shift bits.
 */
#ifndef LIB_BITMAP_KERNELS_SCALE_H
#define LIB_BITMAP_KERNELS_SCALE_H

#include "bitmap/kernels/sparse.h"

/* A page is a whole group or more: one bit of the result, or of the source. */
#define SMI_SCALE_MAX 12

/* The low @n bits of every @step bits; both are powers of two, n < step. */
SMI_SPARSE uint64_t smi_every(unsigned int n, unsigned int step)
{
	return step < 64 ? ~UINT64_C(0) / ((UINT64_C(1) << step) - 1) *
				   ((UINT64_C(1) << n) - 1)
			 : (UINT64_C(1) << n) - 1;
}

/* Fold a word to its low 64 >> shift bits; shift is 1 to 6. */
SMI_SPARSE uint64_t smi_fold_word(uint64_t word, unsigned int shift)
{
#pragma GCC unroll 6
	for (unsigned int i = 0; i < shift; i++)
		word |= word >> (1U << i);
	word &= smi_every(1, 1U << shift);
#pragma GCC unroll 6
	for (unsigned int i = shift; i < 6; i++) {
		unsigned int n = 1U << (i - shift); /* bits side by side */

		word |= word >> ((1U << i) - n);
		word &= smi_every(2 * n, 2U << i);
	}
	return word;
}

/* Expand the low 64 >> shift bits, the only ones set; shift is 1 to 5. */
SMI_SPARSE uint64_t smi_expand_word(uint64_t bits, unsigned int shift)
{
#pragma GCC unroll 6
	for (unsigned int i = 6; i-- > shift;) {
		unsigned int n = 1U << (i - shift);

		bits |= bits << ((1U << i) - n);
		bits &= smi_every(n, 1U << i);
	}
	return (bits << (1U << shift)) - bits;
}

/* The lowest 64 >> shift bits to a word; shift is 1 to 6. */
static inline uint64_t smi_expand_few(uint64_t bits, unsigned int shift)
{
	if (shift == 6)
		return -(bits & 1);
	return smi_expand_word(bits & ((UINT64_C(1) << (64 >> shift)) - 1),
			       shift);
}

/* A constant @shift of 1 to 5, so that the steps are unrolled. */
SMI_SPARSE void smi_fold_words(uint64_t *dst, const uint64_t *src,
			       unsigned int shift)
{
	const unsigned int n = 1U << shift; /* words that become one */
	uint64_t parts[SMI_GROUP_WORDS];

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		parts[i] = smi_fold_word(src[i], shift);
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += n) {
		uint64_t word = 0;

		for (unsigned int k = 0; k < n; k++)
			word |= parts[i + k] << k * (64 >> shift);
		dst[i >> shift] = word;
	}
}

SMI_SPARSE void smi_expand_words(uint64_t *dst, const uint64_t *src,
				 unsigned int shift)
{
	const unsigned int n = 1U << shift; /* words that one becomes */
	const uint64_t mask = (UINT64_C(1) << (64 >> shift)) - 1;
	uint64_t parts[SMI_GROUP_WORDS];

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += n) {
		for (unsigned int k = 0; k < n; k++)
			parts[i + k] =
				src[i >> shift] >> k * (64 >> shift) & mask;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		dst[i] = smi_expand_word(parts[i], shift);
}

/* One bit for each word that is not zero, folded further. */
static inline uint64_t smi_fold_further(struct smi_group g, unsigned int shift)
{
	uint64_t some = smi_group_dirty(g);

	for (unsigned int i = 6; i < shift; i++)
		some = smi_fold_word(some, 1);
	return some;
}

/* fold_group of struct smi_kernels, with the variant's classify. */
SMI_SPARSE void
smi_fold_group(struct smi_group (*classify)(const uint64_t *, unsigned int),
	       uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	switch (shift) {
	case 1:
		smi_fold_words(dst, src, 1);
		break;
	case 2:
		smi_fold_words(dst, src, 2);
		break;
	case 3:
		smi_fold_words(dst, src, 3);
		break;
	case 4:
		smi_fold_words(dst, src, 4);
		break;
	case 5:
		smi_fold_words(dst, src, 5);
		break;
	default:
		*dst = smi_fold_further(classify(src, SMI_GROUP_WORDS), shift);
	}
}

/* A variant's way to expand the lowest bits of @bits to some words. */
typedef void smi_expand_part(uint64_t *dst, uint64_t bits, unsigned int shift);

/*
 * expand_group of struct smi_kernels. @part expands to @nwords words, for shift
 * 3 to 6; it ignores higher bits.
 */
SMI_SPARSE void smi_expand_group(smi_expand_part *part, unsigned int nwords,
				 uint64_t *dst, const uint64_t *src,
				 unsigned int shift)
{
	uint64_t words;

	if (shift == 1) {
		smi_expand_words(dst, src, 1);
		return;
	}
	if (shift == 2) {
		smi_expand_words(dst, src, 2);
		return;
	}
	if (shift > 6) { /* first to one bit for each word */
		words = smi_expand_few(*src, shift - 6);
		src = &words;
		shift = 6;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += nwords) {
		unsigned int bit = i * 64 >> shift;

		part(dst + i, src[bit / 64] >> bit % 64, shift);
	}
}

#endif
