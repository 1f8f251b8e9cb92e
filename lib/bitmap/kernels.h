/* SPDX-License-Identifier: MIT */
/*
 * The vector kernels: everything that runs at memory speed, in a table, best
 * first, one table entry an instruction set. The scalar one is the reference;
 * tests run every other against it.
 *
 * A group is 64 words (4096 pages, 512 bytes), aligned to 8 bytes. Its summary
 * is a word with bit i set if word i is not zero.
 */
#ifndef LIB_BITMAP_KERNELS_H
#define LIB_BITMAP_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMI_GROUP_WORDS 64

/* Edges one group can add: each page may start or end a run, and one more. */
#define SMI_GROUP_MAX_EDGES 4097

/* Writers may store this many edges beyond those they count. */
#define SMI_EDGE_SLACK 64

struct smi_edges {
	uint32_t *next; /* where the next edge goes */
	bool open;	/* a run was begun and has not ended */
};

struct smi_kernels {
	const char *name;

	/* How many of @ngroups groups at @words are zero before one is not. */
	size_t (*skip_zero_groups)(const uint64_t *words, size_t ngroups);

	/* The summary of a group. */
	uint64_t (*summarise)(const uint64_t *group);

	/* Is every bit of the group set? */
	bool (*is_all_ones)(const uint64_t *group);

	/* dst[i] = src[i] >> shift | src[i + 1] << (64 - shift); 1..63. */
	void (*shift_group)(uint64_t *dst, const uint64_t *src,
			    unsigned int shift);

	/* dst |= src for the words in @summary; others of src are zero. */
	void (*or_group)(uint64_t *dst, const uint64_t *src, uint64_t summary);

	/* The first index in [from, n) where a[i] | b[i] is not 0, or n. */
	size_t (*find_nonzero)(const uint64_t *a, const uint64_t *b,
			       size_t from, size_t n);

	/* The first index in [from, n) where words[i] is not ~0, or n. */
	size_t (*find_not_ones)(const uint64_t *words, size_t from, size_t n);

	/* How many bits of the group are set. */
	uint64_t (*popcount)(const uint64_t *group);

	/*
	 * Store the pages where a run starts or ends, counted from @base at
	 * the group's first page, and clear the words. @summary is exact.
	 * A run that reaches the group's end stays open. Writes up to
	 * SMI_EDGE_SLACK entries beyond edges->next.
	 */
	void (*take_edges)(uint64_t *group, uint64_t summary, uint32_t base,
			   struct smi_edges *edges);
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

/* Edges of few words, by their positions: for sparse groups, any variant. */
void smi_take_edges_sparse(uint64_t *group, uint64_t summary, uint32_t base,
			   struct smi_edges *edges);

#endif
