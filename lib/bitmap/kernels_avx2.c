/* SPDX-License-Identifier: MIT */
/*
 * The AVX2 kernels. Four words a vector, sixteen vectors a group.
 *
 * Dense groups turn each byte of a word's edges into up to eight positions
 * with one table row, one widening load and one store; the store always
 * writes eight entries, and the next one overwrites those not counted.
 */
#ifdef __x86_64__
#include "bitmap/kernels.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,popcnt,bmi")))

/* Groups with fewer words than that go word by word. */
#define DENSE_WORDS 8

AVX2 static inline __m256i load(const uint64_t *words)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

AVX2 static bool is_zero_group(const uint64_t *w)
{
	__m256i any = load(w);

	for (unsigned int i = 4; i < SMI_GROUP_WORDS; i += 4)
		any = _mm256_or_si256(any, load(w + i));
	return _mm256_testz_si256(any, any);
}

AVX2 static size_t skip_zero_groups(const uint64_t *words, size_t ngroups)
{
	size_t i = 0;

	while (i < ngroups && is_zero_group(words + i * SMI_GROUP_WORDS))
		i++;
	return i;
}

AVX2 static uint64_t summarise(const uint64_t *group)
{
	const __m256i zero = _mm256_setzero_si256();
	uint64_t empty = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		__m256i eq = _mm256_cmpeq_epi64(load(group + i), zero);
		int mask = _mm256_movemask_pd(_mm256_castsi256_pd(eq));

		empty |= (uint64_t)mask << i;
	}
	return ~empty;
}

AVX2 static bool is_all_ones(const uint64_t *group)
{
	__m256i all = load(group);

	for (unsigned int i = 4; i < SMI_GROUP_WORDS; i += 4)
		all = _mm256_and_si256(all, load(group + i));
	return _mm256_testc_si256(all, _mm256_set1_epi64x(-1));
}

AVX2 static void shift_group(uint64_t *dst, const uint64_t *src,
			     unsigned int shift)
{
	const __m128i right = _mm_cvtsi32_si128((int)shift);
	const __m128i left = _mm_cvtsi32_si128(64 - (int)shift);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		__m256i low = _mm256_srl_epi64(load(src + i), right);
		__m256i high = _mm256_sll_epi64(load(src + i + 1), left);

		_mm256_storeu_si256((__m256i *)(void *)(dst + i),
				    _mm256_or_si256(low, high));
	}
}

AVX2 static void or_group(uint64_t *dst, const uint64_t *src, uint64_t summary)
{
	if (_mm_popcnt_u64(summary) < DENSE_WORDS) {
		for (; summary; summary = _blsr_u64(summary)) {
			unsigned int i = (unsigned int)_tzcnt_u64(summary);

			dst[i] |= src[i];
		}
		return;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4)
		_mm256_storeu_si256(
			(__m256i *)(void *)(dst + i),
			_mm256_or_si256(load(dst + i), load(src + i)));
}

AVX2 static size_t find_nonzero(const uint64_t *a, const uint64_t *b,
				size_t from, size_t n)
{
	for (; from + 4 <= n; from += 4) {
		__m256i v = _mm256_or_si256(load(a + from), load(b + from));

		if (!_mm256_testz_si256(v, v))
			break;
	}
	while (from < n && !(a[from] | b[from]))
		from++;
	return from;
}

AVX2 static size_t find_not_ones(const uint64_t *words, size_t from, size_t n)
{
	const __m256i ones = _mm256_set1_epi64x(-1);

	for (; from + 8 <= n; from += 8) {
		__m256i v = _mm256_and_si256(load(words + from),
					     load(words + from + 4));

		if (!_mm256_testc_si256(v, ones))
			break;
	}
	while (from < n && words[from] == ~UINT64_C(0))
		from++;
	return from;
}

AVX2 static uint64_t popcount(const uint64_t *group)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		n += (uint64_t)_mm_popcnt_u64(group[i]);
	return n;
}

/* Row b: the positions of the bits set in byte b, then zeros. */
#define B1(b, i)   ((b) >> (i)&1)
#define RANK(b, i) __builtin_popcount((b) & ((1 << (i)) - 1))
#define PUT(b, i) \
	((uint64_t)(B1(b, i) ? (i) : 0) << (B1(b, i) ? 8 * RANK(b, i) : 0))
#define ROW(b)                                                       \
	(PUT(b, 0) | PUT(b, 1) | PUT(b, 2) | PUT(b, 3) | PUT(b, 4) | \
	 PUT(b, 5) | PUT(b, 6) | PUT(b, 7))
#define ROW4(b)	 ROW(b), ROW(b + 1), ROW(b + 2), ROW(b + 3)
#define ROW16(b) ROW4(b), ROW4(b + 4), ROW4(b + 8), ROW4(b + 12)
#define ROW64(b) ROW16(b), ROW16(b + 16), ROW16(b + 32), ROW16(b + 48)

static const uint64_t positions[256] = {ROW64(0), ROW64(64), ROW64(128),
					ROW64(192)};

/* Store the positions of the bits of @edge, counted from @base. */
AVX2 static inline uint32_t *put_edges(uint32_t *out, uint64_t edge,
				       uint32_t base)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		unsigned int byte = edge >> i & 0xff;
		__m256i row = _mm256_cvtepu8_epi32(
			_mm_cvtsi64_si128((long long)positions[byte]));

		row = _mm256_add_epi32(row, _mm256_set1_epi32((int)(base + i)));
		_mm256_storeu_si256((__m256i *)(void *)out, row);
		out += _mm_popcnt_u32(byte);
	}
	return out;
}

AVX2 static inline uint32_t *put_word(uint32_t *out, uint64_t edge,
				      uint32_t base)
{
	if (_mm_popcnt_u64(edge) > 6)
		return put_edges(out, edge, base);
	for (; edge; edge = _blsr_u64(edge))
		*out++ = base + (uint32_t)_tzcnt_u64(edge);
	return out;
}

AVX2 static void take_edges(uint64_t *group, uint64_t summary, uint32_t base,
			    struct smi_edges *edges)
{
	const __m256i zero = _mm256_setzero_si256();
	uint32_t *out = edges->next;
	uint64_t carry = edges->open;

	if (_mm_popcnt_u64(summary) < DENSE_WORDS) {
		smi_take_edges_sparse(group, summary, base, edges);
		return;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		uint64_t word = group[i];
		uint64_t edge = word ^ (word << 1 | carry);

		carry = word >> 63;
		if (edge)
			out = put_word(out, edge, base + i * 64);
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4)
		_mm256_storeu_si256((__m256i *)(void *)(group + i), zero);
	edges->next = out;
	edges->open = carry;
}

const struct smi_kernels smi_kernels_avx2 = {
	.name = "avx2",
	.skip_zero_groups = skip_zero_groups,
	.summarise = summarise,
	.is_all_ones = is_all_ones,
	.shift_group = shift_group,
	.or_group = or_group,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.take_edges = take_edges,
};
#endif
