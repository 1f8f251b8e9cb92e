/* SPDX-License-Identifier: MIT */
/*
 * The NEON kernels (aarch64, little-endian): two words per vector, 32 vectors
 * per group. NEON has no instruction for a mask of words, so four vectors are
 * narrowed to one byte per word, and the bytes are added up.
 *
 * EDGES. As with AVX2: they are found for the whole group first, then stored
 * word by word, four at once by count-trailing-zeros, or eight by a row of the
 * table.
 */
#include "bitmap/kernels/policy.h"
#include "bitmap/kernels/scale.h"

#ifdef SMI_HAVE_NEON
#include <arm_neon.h>

#include "bitmap/kernels/positions.h"

/* Groups with fewer mixed words go word by word. */
#define DENSE_WORDS 9
_Static_assert(DENSE_WORDS > SMI_PACKED_WORDS, "dense groups are spread");
/* The same for edges, where the loop over a whole group costs more. */
#define SPLIT_WORDS 16
_Static_assert(SPLIT_WORDS >= DENSE_WORDS, "so are split ones");
/* If more words have an edge, a step for each without a branch is cheaper. */
#define STEADY_WORDS 48

static inline unsigned int count_bits(uint64_t word)
{
	return vaddv_u8(vcnt_u8(vcreate_u8(word)));
}

static bool is_zero_group(const uint64_t *w)
{
	uint64x2_t any = vld1q_u64(w);

	for (unsigned int i = 2; i < SMI_GROUP_WORDS; i += 2)
		any = vorrq_u64(any, vld1q_u64(w + i));
	return vmaxvq_u32(vreinterpretq_u32_u64(any)) == 0;
}

static size_t skip_zero_groups(const uint64_t *words, size_t ngroups)
{
	size_t i = 0;

	while (i < ngroups && is_zero_group(words + i * SMI_GROUP_WORDS))
		i++;
	return i;
}

/* The words of eight, two per vector, that are not zero. */
static inline uint64_t nonzero_words(const uint64x2_t v[4])
{
	static const uint8_t bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
	uint32x4_t low = vcombine_u32(vmovn_u64(vtstq_u64(v[0], v[0])),
				      vmovn_u64(vtstq_u64(v[1], v[1])));
	uint32x4_t high = vcombine_u32(vmovn_u64(vtstq_u64(v[2], v[2])),
				       vmovn_u64(vtstq_u64(v[3], v[3])));
	uint16x8_t all = vcombine_u16(vmovn_u32(low), vmovn_u32(high));

	return vaddv_u8(vand_u8(vmovn_u16(all), vld1_u8(bits)));
}

static struct smi_group classify(const uint64_t *words, unsigned int n)
{
	struct smi_group g = {0, 0};
	unsigned int i;

	for (i = 0; i + 8 <= n; i += 8) {
		uint64x2_t v[4], inverse[4];
		uint64_t some, clean;

		for (unsigned int k = 0; k < 4; k++) {
			v[k] = vld1q_u64(words + i + 2 * k);
			inverse[k] = vreinterpretq_u64_u32(
				vmvnq_u32(vreinterpretq_u32_u64(v[k])));
		}
		some = nonzero_words(v);
		clean = nonzero_words(inverse);
		g.mixed |= (some & clean) << i;
		g.ones |= (~clean & 0xff) << i;
	}
	return smi_classify_words(words, i, n, g);
}

static struct smi_group shift_group(uint64_t *dst, const uint64_t *src,
				    unsigned int shift)
{
	const int64x2_t right = vdupq_n_s64(-(int64_t)shift);
	const int64x2_t left = vdupq_n_s64(64 - (int64_t)shift);

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 2) {
		uint64x2_t low = vshlq_u64(vld1q_u64(src + i), right);
		uint64x2_t high = vshlq_u64(vld1q_u64(src + i + 1), left);

		vst1q_u64(dst + i, vorrq_u64(low, high));
	}
	return classify(dst, SMI_GROUP_WORDS);
}

static void copy_group(uint64_t *dst, const uint64_t *src, bool past_cache)
{
	(void)past_cache;
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 2)
		vst1q_u64(dst + i, vld1q_u64(src + i));
}

static size_t find_nonzero(const uint64_t *a, const uint64_t *b, size_t from,
			   size_t n)
{
	for (; from + 4 <= n; from += 4) {
		uint64x2_t low =
			vorrq_u64(vld1q_u64(a + from), vld1q_u64(b + from));
		uint64x2_t high = vorrq_u64(vld1q_u64(a + from + 2),
					    vld1q_u64(b + from + 2));
		uint64x2_t any = vorrq_u64(low, high);

		if (vmaxvq_u32(vreinterpretq_u32_u64(any)))
			break;
	}
	while (from < n && !(a[from] | b[from]))
		from++;
	return from;
}

static size_t find_not_ones(const uint64_t *words, size_t from, size_t n)
{
	for (; from + 4 <= n; from += 4) {
		uint64x2_t all = vandq_u64(vld1q_u64(words + from),
					   vld1q_u64(words + from + 2));

		if (vminvq_u32(vreinterpretq_u32_u64(all)) != UINT32_MAX)
			break;
	}
	while (from < n && words[from] == ~UINT64_C(0))
		from++;
	return from;
}

static uint64_t popcount(const uint64_t *group, uint64_t which)
{
	uint64_t n = 0;

	for (; which; which &= which - 1)
		n += count_bits(group[__builtin_ctzll(which)]);
	return n;
}

/* Two words of a group from @i on, what is not mixed made up. */
static inline uint64x2_t load_words(const uint64_t *group, struct smi_group g,
				    unsigned int i)
{
	static const uint64_t bits[2] = {1, 2};
	uint64x2_t each = vld1q_u64(bits);
	uint64x2_t mixed = vtstq_u64(vdupq_n_u64(g.mixed >> i), each);
	uint64x2_t ones = vtstq_u64(vdupq_n_u64(g.ones >> i), each);

	return vorrq_u64(vandq_u64(vld1q_u64(group + i), mixed), ones);
}

/* The edges of a group's words; returns which of them have one. */
static uint64_t find_edges(const uint64_t *group, struct smi_group g,
			   bool *open, uint64_t *edges)
{
	/* Only lane 1 matters: its top bit is the carry into lane 0. */
	uint64x2_t before = vdupq_n_u64(*open ? ~UINT64_C(0) : 0);
	uint64_t some = 0;

	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i += 8) {
		uint64x2_t edge[4];

		smi_prefetch_ahead(group + i);
		for (unsigned int k = 0; k < 4; k++) {
			uint64x2_t v = load_words(group, g, i + 2 * k);
			uint64x2_t lower = vextq_u64(before, v, 1);
			uint64x2_t carry = vshrq_n_u64(lower, 63);

			edge[k] = veorq_u64(v, vsliq_n_u64(carry, v, 1));
			vst1q_u64(edges + i + 2 * k, edge[k]);
			before = v;
		}
		some |= nonzero_words(edge) << i;
	}
	*open = vgetq_lane_u64(before, 1) >> 63;
	return some;
}

/*
 * Store the positions of the bits of @edge, counted from @base, eight at a
 * time: one entry per bit of a byte that is set, then leftovers.
 */
static inline uint32_t *put_bytes(uint32_t *out, uint64_t edge, uint32_t base)
{
	const uint32x4_t eight = vdupq_n_u32(8);
	uint32x4_t from = vdupq_n_u32(base);
	uint8_t counts[8];

	vst1_u8(counts, vcnt_u8(vcreate_u8(edge)));
	for (unsigned int i = 0; i < 8; i++) {
		uint64_t row = smi_positions[edge >> 8 * i & 0xff];
		uint16x8_t wide = vmovl_u8(vcreate_u8(row));

		vst1q_u32(out, vaddw_u16(from, vget_low_u16(wide)));
		vst1q_u32(out + 4, vaddw_high_u16(from, wide));
		from = vaddq_u32(from, eight);
		out += counts[i];
	}
	return out;
}

/*
 * Store the positions of the lowest four bits, and return the other bits. If
 * fewer are set, the last entries are leftovers.
 */
static inline uint64_t put_four(uint32_t *out, uint64_t edge, uint32_t base)
{
	for (unsigned int i = 0; i < 4; i++) {
		out[i] = base + (edge ? (uint32_t)__builtin_ctzll(edge) : 64);
		edge &= edge - 1;
	}
	return edge;
}

/* A run has two edges, so most words of sparse groups have two or four. */
static inline uint32_t *put_word(uint32_t *out, const uint64_t *edge,
				 uint32_t base)
{
	unsigned int n = count_bits(*edge);
	uint64_t rest;

	if (n > 8)
		return put_bytes(out, *edge, base);
	rest = put_four(out, *edge, base);
	if (n > 4)
		put_four(out + 4, rest, base);
	return out + n;
}

static uint32_t *put_all(uint32_t *out, const uint64_t *edges, uint32_t base)
{
	for (unsigned int i = 0; i < SMI_GROUP_WORDS; i++)
		out = put_bytes(out, edges[i], base + i * 64);
	return out;
}

/* Without or_words, since NEON has no instruction for a mask of words. */
static const struct smi_loops loops = {
	.dense_words = DENSE_WORDS,
	.split_words = SPLIT_WORDS,
	.steady_words = STEADY_WORDS,
	.copy_group = copy_group,
	.find_edges = find_edges,
	.put_word = put_word,
	.put_all = put_all,
};

static void or_group(struct smi_store dst, struct smi_group *g,
		     const uint64_t *src, struct smi_group add, bool past_cache)
{
	smi_or_group(&loops, dst, g, src, &add, past_cache);
}

static void take_edges(struct smi_store store, struct smi_group g,
		       uint32_t base, struct smi_edges *edges)
{
	smi_take_edges(&loops, store, g, base, edges);
}

static void fold_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	smi_fold_group(classify, dst, src, shift);
}

/* The lowest 128 >> shift bits to two words: lanes that have their own bit. */
static inline void expand_part(uint64_t *dst, uint64_t bits, unsigned int shift)
{
	static const uint8_t own8[8] = {1, 2, 4, 8, 16, 32, 64, 128};
	static const uint16_t own16[8] = {1, 2, 4, 8, 16, 32, 64, 128};
	static const uint32_t own32[4] = {1, 2, 4, 8};
	static const uint64_t own64[2] = {1, 2};
	uint64x2_t v;

	if (shift == 3) {
		uint8x8_t own = vld1_u8(own8);
		uint8x8_t low = vtst_u8(vdup_n_u8((uint8_t)bits), own);
		uint8x8_t high = vtst_u8(vdup_n_u8((uint8_t)(bits >> 8)), own);

		v = vreinterpretq_u64_u8(vcombine_u8(low, high));
	} else if (shift == 4) {
		v = vreinterpretq_u64_u16(vtstq_u16(vdupq_n_u16((uint16_t)bits),
						    vld1q_u16(own16)));
	} else if (shift == 5) {
		v = vreinterpretq_u64_u32(vtstq_u32(vdupq_n_u32((uint32_t)bits),
						    vld1q_u32(own32)));
	} else {
		v = vtstq_u64(vdupq_n_u64(bits), vld1q_u64(own64));
	}
	vst1q_u64(dst, v);
}

static void expand_group(uint64_t *dst, const uint64_t *src, unsigned int shift)
{
	smi_expand_group(expand_part, 2, dst, src, shift);
}

const struct smi_kernels smi_kernels_neon = {
	.name = "neon",
	.skip_zero_groups = skip_zero_groups,
	.classify = classify,
	.shift_group = shift_group,
	.prefetch = smi_prefetch_plain,
	.or_group = or_group,
	.or_part = smi_or_part_plain,
	.order_stores = smi_order_stores_nothing,
	.find_nonzero = find_nonzero,
	.find_not_ones = find_not_ones,
	.popcount = popcount,
	.fold_group = fold_group,
	.expand_group = expand_group,
	.take_edges = take_edges,
};
#endif
