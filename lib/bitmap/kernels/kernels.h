/* SPDX-License-Identifier: MIT */
/*
 * The vector kernels: everything that runs at memory speed, in a table, best
 * first, one table entry an instruction set. The scalar one is the reference;
 * tests run every other against it.
 *
 * A group is 64 words (4096 pages, 512 bytes), aligned to 8 bytes. A map keeps
 * in memory only those that are mixed, packed or spread (packing.h); what the
 * others hold is never used.
 */
#ifndef LIB_BITMAP_KERNELS_KERNELS_H
#define LIB_BITMAP_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bitmap/kernels/packing.h"

#define SMI_GROUP_WORDS 64

/* Edges one group can add: each page may start or end a run, and one more. */
#define SMI_GROUP_MAX_EDGES 4097

/* Writers may store this many edges beyond those they count. */
#define SMI_EDGE_SLACK 64

/* Which words of a group are what. Those in neither are zero. */
struct smi_group {
	uint64_t mixed; /* bit i: word i is neither zero nor all ones */
	uint64_t ones;	/* bit i: word i is all ones */
};

/* Which words have a dirty page. */
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

	/* How many of @ngroups groups at @words are zero before one is not. */
	size_t (*skip_zero_groups)(const uint64_t *words, size_t ngroups);

	/* What @n words of a group are, all of them in memory; 64 at most. */
	struct smi_group (*classify)(const uint64_t *words, unsigned int n);

	/*
	 * dst[i] = src[i] >> shift | src[i + 1] << (64 - shift); 1..63. What
	 * the words of @dst are.
	 */
	struct smi_group (*shift_group)(uint64_t *dst, const uint64_t *src,
					unsigned int shift);

	/*
	 * Ask for the cache lines that the mixed words @add will be stored to
	 * in a group that has @mixed; not for those that or_group stores past
	 * the cache.
	 */
	void (*prefetch)(struct smi_store store, uint64_t mixed, uint64_t add,
			 bool past_cache);

	/*
	 * @dst with what is @g, |= @src with what is @add. All of @src is in
	 * memory, zero and ones too. @g may become all ones. @past_cache: a
	 * clean group that many words are added to may be stored without a
	 * read of what it held, straight to memory; @dst is 64-byte aligned.
	 */
	void (*or_group)(struct smi_store dst, struct smi_group *g,
			 const uint64_t *src, struct smi_group add,
			 bool past_cache);

	/*
	 * The same from words of which the first is word @first of the group,
	 * and only those of @add are in memory.
	 */
	void (*or_part)(struct smi_store dst, struct smi_group *g,
			const uint64_t *src, unsigned int first,
			struct smi_group add);

	/* Stores past the cache come before all stores from here on. */
	void (*order_stores)(void);

	/* The first index in [from, n) where a[i] | b[i] is not 0, or n. */
	size_t (*find_nonzero)(const uint64_t *a, const uint64_t *b,
			       size_t from, size_t n);

	/* The first index in [from, n) where words[i] is not ~0, or n. */
	size_t (*find_not_ones)(const uint64_t *words, size_t from, size_t n);

	/* How many bits are set in those of up to 64 words in @which. */
	uint64_t (*popcount)(const uint64_t *words, uint64_t which);

	/*
	 * Store the pages where a run starts or ends, counted from @base at
	 * the group's first page. A run that reaches the group's end stays
	 * open. Writes up to SMI_EDGE_SLACK entries beyond edges->next.
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

/* The best the processor has, or the one SMUDGE_BITMAP_VARIANT names. */
const struct smi_kernels *smi_kernels_choose(void);

/* Every variant this processor has, best first; NULL past the last. */
const struct smi_kernels *smi_kernels_available(size_t index);

/* Where no store goes past the cache, and no instruction must be asked for. */
void smi_order_stores_nothing(void);
void smi_prefetch_plain(struct smi_store store, uint64_t mixed, uint64_t add,
			bool past_cache);
void smi_or_part_plain(struct smi_store dst, struct smi_group *g,
		       const uint64_t *src, unsigned int first,
		       struct smi_group add);

#endif
