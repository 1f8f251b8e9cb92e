/* SPDX-License-Identifier: MIT */
/*
 * The AVX-512 kernels (F, BW, VBMI2: from Ice Lake and Zen 4 on): eight words
 * per vector, eight vectors per group.
 *
 * EDGES. The edges of eight words are found at once: a funnel shift moves the
 * top bit of each lane into the next. One byte compress turns the edges of a
 * word into positions, which are stored sixteen at a time. A store may write
 * entries past the edges it counts, and the next store overwrites them.
 */
#if defined(__x86_64__) || defined(SMI_SIMDE)
#include "bitmap/kernels/policy.h"
#include "bitmap/kernels/scale.h"

#ifdef SMI_SIMDE /* for a test that has the intrinsics as C functions */
#define AVX512
#else
#include <immintrin.h>

#define AVX512                                                           \
	__attribute__((target("avx512f,avx512bw,avx512vbmi2,popcnt,bmi," \
			      "prfchw")))
#endif

/* Groups with fewer mixed words go word by word. */
#define DENSE_WORDS 12
_Static_assert(DENSE_WORDS > SMI_PACKED_WORDS, "dense groups are spread");
/* If more words have an edge, a step for each without a branch is cheaper. */
#define STEADY_WORDS 56

AVX512 static inline __m512i load(const uint64_t *words)
{
	return _mm512_loadu_si512(words);
}

AVX512 static bool is_zero_group(const uint64_t *w)
{
	__m512i any = load(w);

	for (unsigned int i = 8; i < SMI_GROUP_WORDS; i += 8)
		any = _mm512_or_si512(any, load(w + i));
	return _mm512_test_epi64_mask(any, any) == 0;
}

AVX512 static size_t skip_zero_groups(const uint64_t *words, size_t ngroups)
{
	size_t i = 0;

	while (i < ngroups && is_zero_group(words + i * SMI_GROUP_WORDS))
		i++;
	return i;
}

AVX512 static struct smi_group classify(const uint64_t *words, unsigned int n)
{
	const __m512i ones = _mm512_set1_epi64(-1);
	struct smi_group g = {0, 0};
	unsigned int i;

	for (i = 0; i + 8 <= n; i += 8) {
		__m512i v = load(words + i);

		g.mixed |= (uint64_t)_mm512_test_epi64_mask(v, v) << i;
		g.ones |= (uint64_t)_mm512_cmpeq_epi64_mask(v, ones) << i;
	}
	g.mixed &= ~g.ones;
	return smi_classify_words(words, i, n, g);
}

AVX512 static struct smi_group shift_group(uint64_t *dst, const uint64_t *src,
					   unsigned int shift)
{
	const __m128i right = _mm_cvtsi32_si128((int)shift);
	const __m128i left = _mm_cvtsi32_si128(64 - (int)shift);
	const __m512i ones = _mm512_set1_epi64(-1);
	struct smi_group g = {0, 0};

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8) {
		__m512i low = _mm512_srl_epi64(load(src + i), right);
		__m512i high = _mm512_sll_epi64(load(src + i + 1), left);
		__m512i v = _mm512_or_si512(low, high);

		_mm512_storeu_si512(dst + i, v);
		g.mixed |= (uint64_t)_mm512_test_epi64_mask(v, v) << i;
		g.ones |= (uint64_t)_mm512_cmpeq_epi64_mask(v, ones) << i;
	}
	g.mixed &= ~g.ones;
	return g;
}

/* Eight words of a group from @i on; those that are not mixed are made up. */
AVX512 static inline __m512i load_words(const uint64_t *group,
					struct smi_group g, unsigned int i)
{
	__m512i v = _mm512_maskz_mov_epi64((uint8_t)(g.mixed >> i),
					   load(group + i));

	return _mm512_mask_mov_epi64(v, (uint8_t)(g.ones >> i),
				     _mm512_set1_epi64(-1));
}

/* A whole group fills its cache lines, so the old content is not read. */
AVX512 static inline void copy_group(uint64_t *dst, const uint64_t *src,
				     bool past_cache)
{
	if (!past_cache) {
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8)
			_mm512_storeu_si512(dst + i, load(src + i));
		return;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8)
		_mm512_stream_si512((void *)(dst + i), load(src + i));
}

AVX512 static uint64_t or_words(uint64_t *dst, struct smi_group g,
				const uint64_t *src)
{
	const __m512i all = _mm512_set1_epi64(-1);
	uint64_t ones = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8) {
		__m512i v =
			_mm512_or_si512(load_words(dst, g, i), load(src + i));

		_mm512_storeu_si512(dst + i, v);
		ones |= (uint64_t)_mm512_cmpeq_epi64_mask(v, all) << i;
	}
	return ones;
}

static void order_stores(void)
{
	_mm_sfence();
}

AVX512 static size_t find_nonzero(const uint64_t *a, const uint64_t *b,
				  size_t from, size_t n)
{
	for (; from + 8 <= n; from += 8) {
		__m512i v = _mm512_or_si512(load(a + from), load(b + from));

		if (_mm512_test_epi64_mask(v, v))
			break;
	}
	while (from < n && !(a[from] | b[from]))
		from++;
	return from;
}

AVX512 static size_t find_not_ones(const uint64_t *words, size_t from, size_t n)
{
	const __m512i ones = _mm512_set1_epi64(-1);

	for (; from + 8 <= n; from += 8) {
		if (_mm512_cmpneq_epi64_mask(load(words + from), ones))
			break;
	}
	while (from < n && words[from] == ~UINT64_C(0))
		from++;
	return from;
}

AVX512 static uint64_t popcount(const uint64_t *group, uint64_t which)
{
	uint64_t n = 0;

	for (; which; which = _blsr_u64(which))
		n += (uint64_t)_mm_popcnt_u64(group[_tzcnt_u64(which)]);
	return n;
}

AVX512 static inline __m512i iota(void)
{
	static const uint8_t bytes[64] = {
		0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
		48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

	return _mm512_loadu_si512(bytes);
}

AVX512 static inline void put16(uint32_t *out, __m128i positions, __m512i base)
{
	_mm512_storeu_si512(
		out, _mm512_add_epi32(_mm512_cvtepu8_epi32(positions), base));
}

/* The edges of a group's words; returns the words that have an edge. */
AVX512 static uint64_t find_edges(const uint64_t *group, struct smi_group g,
				  bool *open, uint64_t *edges)
{
	/* Only lane 7 matters: its top bit is the carry into lane 0. */
	__m512i before = _mm512_set1_epi64(*open ? -1 : 0);
	uint64_t some = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8) {
		__m512i v = load_words(group, g, i);
		__m512i lower = _mm512_alignr_epi64(v, before, 7);
		__m512i edge =
			_mm512_xor_si512(v, _mm512_shldi_epi64(v, lower, 1));

		smi_prefetch_ahead(group + i);
		_mm512_storeu_si512(edges + i, edge);
		some |= (uint64_t)_mm512_test_epi64_mask(edge, edge) << i;
		before = v;
	}
	*open = _mm512_test_epi64_mask(before, _mm512_set1_epi64(INT64_MIN)) >>
			7 &
		1;
	return some;
}

/*
 * Store the positions of the bits of @edge, counted from @from. The branches
 * are at counts that all words are on the same side of: if half of the pages
 * are dirty at random, a word has about 32 edges and rarely more than 48, so
 * there must be no branch near 32.
 */
AVX512 static inline uint32_t *put_at(uint32_t *out, uint64_t edge,
				      __m512i from)
{
	__m512i packed = _mm512_maskz_compress_epi8(edge, iota());
	unsigned int n = (unsigned int)_mm_popcnt_u64(edge);

	put16(out, _mm512_castsi512_si128(packed), from);
	if (n > 16) {
		put16(out + 16, _mm512_extracti32x4_epi32(packed, 1), from);
		put16(out + 32, _mm512_extracti32x4_epi32(packed, 2), from);
	}
	if (n > 48)
		put16(out + 48, _mm512_extracti32x4_epi32(packed, 3), from);
	return out + n;
}

AVX512 static uint32_t *put_all(uint32_t *out, const uint64_t *edges,
				uint32_t base)
{
	const __m512i step = _mm512_set1_epi32(64);
	__m512i from = _mm512_set1_epi32((int)base);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++) {
		out = put_at(out, edges[i], from);
		from = _mm512_add_epi32(from, step);
	}
	return out;
}

AVX512 static inline uint32_t *put_word(uint32_t *out, const uint64_t *edge,
					uint32_t base)
{
	return put_at(out, *edge, _mm512_set1_epi32((int)base));
}

static const struct smi_loops loops = {
	.dense_words = DENSE_WORDS,
	.split_words = DENSE_WORDS,
	.steady_words = STEADY_WORDS,
	.copy_group = copy_group,
	.or_words = or_words,
	.find_edges = find_edges,
	.put_word = put_word,
	.put_all = put_all,
};

AVX512 static void prefetch(struct smi_store store, uint64_t mixed,
			    uint64_t add, bool past_cache)
{
	smi_prefetch_group(&loops, store, mixed, add, past_cache);
}

AVX512 static void or_group(struct smi_store dst, struct smi_group *g,
			    const uint64_t *src, struct smi_group add,
			    bool past_cache)
{
	smi_or_group(&loops, dst, g, src, &add, past_cache);
}

AVX512 static void or_part(struct smi_store dst, struct smi_group *g,
			   const uint64_t *src, unsigned int first,
			   const struct smi_group *add)
{
	smi_or_sparse(dst, g, src, first, *add);
}

AVX512 static void take_edges(struct smi_store store, struct smi_group g,
			      uint32_t base, struct smi_edges *edges)
{
	smi_take_edges(&loops, store, g, base, edges);
}

AVX512 static void fold_group(uint64_t *dst, const uint64_t *src,
			      unsigned int shift)
{
	smi_fold_group(classify, dst, src, shift);
}

/* The lowest 512 >> shift bits to eight words: a mask of lanes of their size.
 */
AVX512 static inline void expand_part(uint64_t *dst, uint64_t bits,
				      unsigned int shift)
{
	__m512i v;

	if (shift == 3)
		v = _mm512_movm_epi8(bits);
	else if (shift == 4)
		v = _mm512_movm_epi16((uint32_t)bits);
	else if (shift == 5)
		v = _mm512_maskz_set1_epi32((uint16_t)bits, -1);
	else
		v = _mm512_maskz_set1_epi64((uint8_t)bits, -1);
	_mm512_storeu_si512(dst, v);
}

AVX512 static void expand_group(uint64_t *dst, const uint64_t *src,
				unsigned int shift)
{
	smi_expand_group(expand_part, 8, dst, src, shift);
}

const struct smi_kernels smi_kernels_avx512 = {
	.name = "avx512",
	.skip_zero_groups = skip_zero_groups,
	.classify = classify,
	.shift_group = shift_group,
	.prefetch = prefetch,
	.or_group = or_group,
	.or_part = or_part,
	.order_stores = order_stores,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.fold_group = fold_group,
	.expand_group = expand_group,
	.take_edges = take_edges,
};
#endif
