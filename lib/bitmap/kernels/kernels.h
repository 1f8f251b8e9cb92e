/* SPDX-License-Identifier: MIT */
/*
 * The vector kernels: everything that runs at memory speed. A table has one
 * entry per instruction set, the best first. The scalar kernels are the
 * reference that tests compare every other variant with.
 *
 * A group is 64 words (4096 pages, 512 bytes), aligned to 8 bytes. Only its
 * mixed words are in memory, packed or spread (packing.h); the memory of the
 * other words is never used.
 */
#ifndef LIB_BITMAP_KERNELS_KERNELS_H
#define LIB_BITMAP_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitmap/kernels/packing.h"

#define SMI_GROUP_WORDS 64

/* The most edges of a group: one per page, and one to end an open run. */
#define SMI_GROUP_MAX_EDGES 4097

/* A kernel may write this many entries beyond the edges that it counts. */
#define SMI_EDGE_SLACK 64

/* What the words of a group are. A word in neither mask is zero. */
struct smi_group {
	uint64_t mixed; /* bit i: word i is neither zero nor all ones */
	uint64_t ones;	/* bit i: word i is all ones */
};

/* The words that have a dirty page. */
static inline uint64_t smi_group_dirty(struct smi_group group)
{
	return group.mixed | group.ones;
}

struct smi_edges {
	uint32_t *next; /* where the next edge goes */
	bool open;	/* a run was begun and has not ended */
};

struct smi_kernels {
	const char *name;

	/* How many of @ngroups groups at @words are zero until one is not. */
	size_t (*skip_zero_groups)(const uint64_t *words, size_t ngroups);

	/* Classify @n words of a group, all of them in memory; 64 at most. */
	struct smi_group (*classify)(const uint64_t *words, unsigned int n);

	/*
	 * dst[i] = src[i] >> shift | src[i + 1] << (64 - shift), for the 64
	 * words of a group; shift is 1 to 63. Classifies the words of @dst.
	 */
	struct smi_group (*shift_group)(uint64_t *dst, const uint64_t *src,
					unsigned int shift);

	/*
	 * Prefetch the cache lines that an OR of the mixed words @add into a
	 * group with mixed words @mixed will store to, but not those that
	 * or_group stores past the cache.
	 */
	void (*prefetch)(struct smi_store store, uint64_t mixed, uint64_t add,
			 bool past_cache);

	/*
	 * OR @src into @dst. @g says what the words of @dst are, and is
	 * updated; it may become all ones. @add says what the words of @src
	 * are, which are all in memory, zero and ones too. @past_cache: many
	 * words for a clean group may be stored past the caches, without a
	 * read of the lines; @dst is 64-byte aligned.
	 */
	void (*or_group)(struct smi_store dst, struct smi_group *g,
			 const uint64_t *src, struct smi_group add,
			 bool past_cache);

	/*
	 * The same, but src[0] is for word @first of the group, and only the
	 * words that @add has are in memory.
	 */
	void (*or_part)(struct smi_store dst, struct smi_group *g,
			const uint64_t *src, unsigned int first,
			const struct smi_group *add);

	/* Order stores past the caches before all later stores. */
	void (*order_stores)(void);

	/* The first index in [from, n) where a[i] | b[i] is not 0, or n. */
	size_t (*find_nonzero)(const uint64_t *a, const uint64_t *b,
			       size_t from, size_t n);

	/* The first index in [from, n) where words[i] is not ~0, or n. */
	size_t (*find_not_ones)(const uint64_t *words, size_t from, size_t n);

	/* The number of bits that are set in the words that @which has. */
	uint64_t (*popcount)(const uint64_t *words, uint64_t which);

	/*
	 * Fold 2^shift bits to one, which is set if one of them is: the 64
	 * words of a group become 4096 >> shift bits. shift is 1 to 12. The
	 * bits above them, in a word that they do not fill, are clear.
	 */
	void (*fold_group)(uint64_t *dst, const uint64_t *src,
			   unsigned int shift);

	/*
	 * Expand each bit to 2^shift: 4096 >> shift bits become the 64 words
	 * of a group. shift is 1 to 12. The bits above them are not used.
	 */
	void (*expand_group)(uint64_t *dst, const uint64_t *src,
			     unsigned int shift);

	/*
	 * Store the pages at which a run starts or ends; the group's first
	 * page counts as @base. A run that reaches the group's end stays open.
	 * Writes up to SMI_EDGE_SLACK entries beyond edges->next.
	 */
	void (*take_edges)(struct smi_store store, struct smi_group g,
			   uint32_t base, struct smi_edges *edges);
};

#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SMI_HAVE_NEON
#endif

extern const struct smi_kernels smi_kernels_scalar;
#ifdef __x86_64__
extern const struct smi_kernels smi_kernels_avx2;
extern const struct smi_kernels smi_kernels_avx512;
#endif
#ifdef SMI_HAVE_NEON
extern const struct smi_kernels smi_kernels_neon;
#endif

/* The best variant of the processor, or what SMUDGE_BITMAP_VARIANT names. */
const struct smi_kernels *smi_kernels_choose(void);

/* The variants that this processor has, best first; NULL past the last. */
const struct smi_kernels *smi_kernels_available(size_t index);

/* For variants that store nothing past the caches and have no target. */
void smi_order_stores_nothing(void);
void smi_prefetch_plain(struct smi_store store, uint64_t mixed, uint64_t add,
			bool past_cache);
void smi_or_part_plain(struct smi_store dst, struct smi_group *g,
		       const uint64_t *src, unsigned int first,
		       const struct smi_group *add);

#endif
