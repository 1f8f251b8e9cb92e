/* SPDX-License-Identifier: MIT */
/*
 * AVX-512 in plain C, so that its kernels are tested on processors without
 * it: SIMDe's intrinsics, and here those that Debian 12's SIMDe lacks, each
 * written out from the instruction's definition.
 */
#ifndef TESTS_SUPPORT_SIMDE_AVX512_H
#define TESTS_SUPPORT_SIMDE_AVX512_H

#include <stdint.h>
#include <string.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* VPCOMPRESSB: the bytes @keep chooses, side by side, then zeros. */
static inline simde__m512i test_compress_bytes(uint64_t keep, simde__m512i v)
{
	uint8_t from[64], to[64] = {0};
	unsigned int n = 0;

	memcpy(from, &v, sizeof(from));
	for (unsigned int i = 0; i < 64; i++)
		if (keep >> i & 1)
			to[n++] = from[i];
	memcpy(&v, to, sizeof(to));
	return v;
}

/* VMOVNTDQ: a store, whichever way it goes. */
#define _mm512_stream_si512(to, v) simde_mm512_storeu_si512(to, v)

/* VPMOVZXBD: sixteen bytes become sixteen 32-bit lanes. */
static inline simde__m512i test_widen_bytes(simde__m128i v)
{
	uint8_t from[16];
	uint32_t to[16];
	simde__m512i wide;

	memcpy(from, &v, sizeof(from));
	for (unsigned int i = 0; i < 16; i++)
		to[i] = from[i];
	memcpy(&wide, to, sizeof(to));
	return wide;
}

/* VALIGNQ: eight lanes of high:low, from lane @first of low. */
static inline simde__m512i test_align_lanes(simde__m512i high, simde__m512i low,
					    unsigned int first)
{
	uint64_t lanes[16];

	memcpy(lanes, &low, 64);
	memcpy(lanes + 8, &high, 64);
	memcpy(&low, lanes + first, 64);
	return low;
}

/* VPSHLDQ: in each lane, the upper half of high:low << @shift; 1..63. */
static inline simde__m512i
test_funnel_shift(simde__m512i high, simde__m512i low, unsigned int shift)
{
	uint64_t a[8], b[8];

	memcpy(a, &high, 64);
	memcpy(b, &low, 64);
	for (unsigned int i = 0; i < 8; i++)
		a[i] = a[i] << shift | b[i] >> (64 - shift);
	memcpy(&high, a, 64);
	return high;
}

/* VPCMPNEQQ: which lanes differ. */
static inline uint8_t test_lanes_differ(simde__m512i a, simde__m512i b)
{
	return (uint8_t)~simde_mm512_cmpeq_epi64_mask(a, b);
}

#undef _mm512_alignr_epi64
#undef _mm512_cmpneq_epi64_mask
#undef _mm512_cvtepu8_epi32
#undef _mm512_maskz_compress_epi8
#undef _mm512_shldi_epi64
#define _mm512_alignr_epi64(a, b, n)	 test_align_lanes(a, b, n)
#define _mm512_cmpneq_epi64_mask(a, b)	 test_lanes_differ(a, b)
#define _mm512_cvtepu8_epi32(a)		 test_widen_bytes(a)
#define _mm512_maskz_compress_epi8(k, a) test_compress_bytes(k, a)
#define _mm512_shldi_epi64(a, b, n)	 test_funnel_shift(a, b, n)

/* BMI and POPCNT, as well where they are missing. */
#undef _mm_popcnt_u64
#undef _tzcnt_u64
#undef _blsr_u64
#define _mm_popcnt_u64(x) __builtin_popcountll(x)
#define _tzcnt_u64(x)	  ((x) ? __builtin_ctzll(x) : 64)
#define _blsr_u64(x)	  ((x) & ((x)-1))

#endif
