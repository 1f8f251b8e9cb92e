/* SPDX-License-Identifier: MIT */
/*
 * The AVX2 kernels: four words per vector, sixteen vectors per group.
 *
 * EDGES. The edges of a group are found four words at a time, then stored word
 * by word. A word with few edges uses count-trailing-zeros, and always stores
 * four at once. A word with more goes byte by byte: the up to eight positions
 * in a byte are a row of a table, which is widened and stored as a whole. A
 * store may write entries past the edges it counts, and the next store
 * overwrites them.
 */
#ifdef __x86_64__
#include "bitmap/kernels/policy.h"
#include "bitmap/kernels/scale.h"

#include <immintrin.h>

#include "bitmap/kernels/positions.h"

#define AVX2 __attribute__((target("avx2,popcnt,bmi,prfchw")))

/* Groups with fewer mixed words go word by word. */
#define DENSE_WORDS 9
_Static_assert(DENSE_WORDS > SMI_PACKED_WORDS, "dense groups are spread");
/* The same for edges, where the loop over a whole group costs more. */
#define SPLIT_WORDS 16
_Static_assert(SPLIT_WORDS >= DENSE_WORDS, "so are split ones");
/* If more words have an edge, a step for each without a branch is cheaper. */
#define STEADY_WORDS 48

AVX2 static inline __m256i load(const uint64_t *words)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

AVX2 static inline void store(uint64_t *words, __m256i v)
{
	_mm256_storeu_si256((__m256i *)(void *)words, v);
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

/* The words of four that equal those of @other. */
AVX2 static inline uint64_t equal_words(__m256i v, __m256i other)
{
	__m256i eq = _mm256_cmpeq_epi64(v, other);

	return (uint64_t)_mm256_movemask_pd(_mm256_castsi256_pd(eq));
}

AVX2 static struct smi_group classify(const uint64_t *words, unsigned int n)
{
	const __m256i zero = _mm256_setzero_si256();
	const __m256i all = _mm256_set1_epi64x(-1);
	struct smi_group g = {0, 0};
	uint64_t some = 0;
	unsigned int i;

	for (i = 0; i + 4 <= n; i += 4) {
		some |= (equal_words(load(words + i), zero) ^ 0xf) << i;
		g.ones |= equal_words(load(words + i), all) << i;
	}
	g.mixed = some & ~g.ones;
	return smi_classify_words(words, i, n, g);
}

AVX2 static struct smi_group shift_group(uint64_t *dst, const uint64_t *src,
					 unsigned int shift)
{
	const __m128i right = _mm_cvtsi32_si128((int)shift);
	const __m128i left = _mm_cvtsi32_si128(64 - (int)shift);
	const __m256i zero = _mm256_setzero_si256();
	const __m256i all = _mm256_set1_epi64x(-1);
	struct smi_group g = {0, 0};
	uint64_t empty = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		__m256i low = _mm256_srl_epi64(load(src + i), right);
		__m256i high = _mm256_sll_epi64(load(src + i + 1), left);
		__m256i v = _mm256_or_si256(low, high);

		store(dst + i, v);
		empty |= equal_words(v, zero) << i;
		g.ones |= equal_words(v, all) << i;
	}
	g.mixed = ~empty & ~g.ones;
	return g;
}

/* The four low bits of @bits as masks of words. */
AVX2 static inline __m256i word_masks(uint64_t bits)
{
	const __m256i each = _mm256_setr_epi64x(1, 2, 4, 8);
	__m256i all = _mm256_set1_epi64x((long long)bits);

	return _mm256_cmpeq_epi64(_mm256_and_si256(all, each), each);
}

/* Four words of a group from @i on, what is not mixed made up. */
AVX2 static inline __m256i load_words(const uint64_t *group, struct smi_group g,
				      unsigned int i)
{
	__m256i v = _mm256_and_si256(load(group + i), word_masks(g.mixed >> i));

	return _mm256_or_si256(v, word_masks(g.ones >> i));
}

/* A whole group fills its cache lines, so the old content is not read. */
AVX2 static inline void copy_group(uint64_t *dst, const uint64_t *src,
				   bool past_cache)
{
	if (!past_cache) {
		for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4)
			store(dst + i, load(src + i));
		return;
	}
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4)
		_mm256_stream_si256((void *)(dst + i), load(src + i));
}

AVX2 static uint64_t or_words(uint64_t *dst, struct smi_group g,
			      const uint64_t *src)
{
	const __m256i all = _mm256_set1_epi64x(-1);
	uint64_t ones = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		__m256i v =
			_mm256_or_si256(load_words(dst, g, i), load(src + i));

		store(dst + i, v);
		ones |= equal_words(v, all) << i;
	}
	return ones;
}

static void order_stores(void)
{
	_mm_sfence();
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

AVX2 static uint64_t popcount(const uint64_t *group, uint64_t which)
{
	uint64_t n = 0;

	for (; which; which = _blsr_u64(which))
		n += (uint64_t)_mm_popcnt_u64(group[_tzcnt_u64(which)]);
	return n;
}

/* The edges of a group's words; returns which of them have one. */
AVX2 static uint64_t find_edges(const uint64_t *group, struct smi_group g,
				bool *open, uint64_t *edges)
{
	const __m256i zero = _mm256_setzero_si256();
	/* Only lane 0 matters: its top bit is the carry into lane 0. */
	__m256i before = _mm256_set1_epi64x(*open ? -1 : 0);
	uint64_t none = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 4) {
		__m256i v = load_words(group, g, i);
		__m256i rotated = _mm256_permute4x64_epi64(v, 0x93);
		__m256i lower = _mm256_blend_epi32(rotated, before, 0x03);
		__m256i carry = _mm256_srli_epi64(lower, 63);
		__m256i edge = _mm256_xor_si256(
			v, _mm256_or_si256(_mm256_add_epi64(v, v), carry));

		if (!(i & 7))
			smi_prefetch_ahead(group + i);
		store(edges + i, edge);
		none |= equal_words(edge, zero) << i;
		before = rotated;
	}
	*open = _mm256_movemask_pd(_mm256_castsi256_pd(before)) & 1;
	return ~none;
}

/*
 * Store the positions of the bits of @edge, counted from @base, byte by byte.
 * Each store has eight entries: one per bit that is set, then leftovers.
 */
AVX2 static inline uint32_t *put_bytes(uint32_t *out, const uint64_t *edge,
				       uint32_t base)
{
	const uint8_t *bytes = (const uint8_t *)edge;
	const __m256i eight = _mm256_set1_epi32(8);
	__m256i from = _mm256_set1_epi32((int)base);

	for (unsigned int i = 0; i < 8; i++) {
		unsigned int byte = bytes[i];
		__m256i row = _mm256_cvtepu8_epi32(
			_mm_loadu_si64(&smi_positions[byte]));

		_mm256_storeu_si256((__m256i *)(void *)out,
				    _mm256_add_epi32(row, from));
		from = _mm256_add_epi32(from, eight);
		out += _mm_popcnt_u32(byte);
	}
	return out;
}

/*
 * Store the positions of the lowest four bits, and return the other bits. If
 * fewer are set, the last entries are leftovers.
 */
AVX2 static inline uint64_t put_four(uint32_t *out, uint64_t edge,
				     uint32_t base)
{
	for (unsigned int i = 0; i < 4; i++) {
		out[i] = base + (uint32_t)_tzcnt_u64(edge);
		edge = _blsr_u64(edge);
	}
	return edge;
}

/* A run has two edges, so most words of sparse groups have two or four. */
AVX2 static inline uint32_t *put_word(uint32_t *out, const uint64_t *edge,
				      uint32_t base)
{
	unsigned int n = (unsigned int)_mm_popcnt_u64(*edge);
	uint64_t rest;

	if (n > 8)
		return put_bytes(out, edge, base);
	rest = put_four(out, *edge, base);
	if (n > 4)
		put_four(out + 4, rest, base);
	return out + n;
}

AVX2 static uint32_t *put_all(uint32_t *out, const uint64_t *edges,
			      uint32_t base)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		out = put_bytes(out, &edges[i], base + i * 64);
	return out;
}

static const struct smi_loops loops = {
	.dense_words = DENSE_WORDS,
	.split_words = SPLIT_WORDS,
	.steady_words = STEADY_WORDS,
	.copy_group = copy_group,
	.or_words = or_words,
	.find_edges = find_edges,
	.put_word = put_word,
	.put_all = put_all,
};

AVX2 static void prefetch(struct smi_store store, uint64_t mixed, uint64_t add,
			  bool past_cache)
{
	smi_prefetch_group(&loops, store, mixed, add, past_cache);
}

AVX2 static void or_group(struct smi_store dst, struct smi_group *g,
			  const uint64_t *src, struct smi_group add,
			  bool past_cache)
{
	smi_or_group(&loops, dst, g, src, &add, past_cache);
}

AVX2 static void or_part(struct smi_store dst, struct smi_group *g,
			 const uint64_t *src, unsigned int first,
			 const struct smi_group *add)
{
	smi_or_sparse(dst, g, src, first, *add);
}

AVX2 static void take_edges(struct smi_store store, struct smi_group g,
			    uint32_t base, struct smi_edges *edges)
{
	smi_take_edges(&loops, store, g, base, edges);
}

AVX2 static void fold_group(uint64_t *dst, const uint64_t *src,
			    unsigned int shift)
{
	smi_fold_group(classify, dst, src, shift);
}

/* The lowest 256 >> shift bits to four words: lanes that have their own bit. */
AVX2 static inline void expand_part(uint64_t *dst, uint64_t bits,
				    unsigned int shift)
{
	const __m256i own8 = _mm256_set1_epi64x((long long)0x8040201008040201);
	const __m256i own16 =
		_mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024,
				  2048, 4096, 8192, 16384, (short)32768);
	const __m256i own32 = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
	const __m256i byte = _mm256_setr_epi64x(
		0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
	__m256i v = _mm256_set1_epi32((int)bits);

	if (shift == 3) {
		v = _mm256_and_si256(_mm256_shuffle_epi8(v, byte), own8);
		v = _mm256_cmpeq_epi8(v, own8);
	} else if (shift == 4) {
		v = _mm256_and_si256(_mm256_set1_epi16((short)bits), own16);
		v = _mm256_cmpeq_epi16(v, own16);
	} else if (shift == 5) {
		v = _mm256_cmpeq_epi32(_mm256_and_si256(v, own32), own32);
	} else {
		v = word_masks(bits);
	}
	store(dst, v);
}

AVX2 static void expand_group(uint64_t *dst, const uint64_t *src,
			      unsigned int shift)
{
	smi_expand_group(expand_part, 4, dst, src, shift);
}

const struct smi_kernels smi_kernels_avx2 = {
	.name = "avx2",
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
