/* SPDX-License-Identifier: MIT */
/*
 * The layout of a dirty bitmap, and the invariants of its parts.
 *
 * LAYOUT. Two planes, each with its summaries. A group is 4096 pages: 64 words
 * (512 bytes), the unit of all vector kernels.
 *
 *	bits plane, the owner's                            for 2^28 pages
 *	  words    one bit per page                                32 MiB
 *	  packed   eight words per group                            4 MiB
 *	  groups   two bits per word: is it mixed, is it all ones   1 MiB
 *	  level2   one bit per group: has it a dirty page           8 KiB
 *	  full     one bit per group: are all of its pages dirty    8 KiB
 *	mark plane, the markers'
 *	  words    one bit per page                                32 MiB
 *	  lines    one byte per eight words                       512 KiB
 *	  groups   one bit per group                                8 KiB
 *
 * Address space is reserved for all of it, and memory is used only where bits
 * have been. A fill or an empty releases the memory of the bits plane, destroy
 * releases everything, a take nothing. A map that may grow reserves for its
 * largest size, so that nothing moves as it grows (resize.h).
 *
 * Three levels are enough for any size: for a guest of 1 TiB, a scan of level2
 * and full reads 16 KiB (docs/decisions/0001).
 *
 * THE BITS PLANE belongs to the owner, which alone reads and writes it, so it
 * needs no atomics. A word of pages is in one of three states: all clean, all
 * dirty, or mixed. Only a mixed word is in memory. The memory of any other word
 * holds leftovers and is never read, so a take clears 16 bytes per group and no
 * words, a merge into a clean group stores without reading, and a run of 64
 * dirty pages is a bit (docs/decisions/0005). A group with up to eight mixed
 * words keeps them in one line of `packed`; a group with more keeps each in its
 * place in `words` (docs/decisions/0009; kernels/packing.h). Invariants,
 * between any two calls:
 *	B1  mixed bit set   =>  the word is neither 0 nor all ones
 *	B2  no word is both mixed and ones; not all 64 are ones
 *	B3  level2 bit set  <=> the group has a mixed or a ones bit
 *	B4  full bit set    =>  the group has no mixed and no ones bit
 *	B5  no page at or beyond npages is dirty, up to the largest size; the
 *	    ragged last group is full if all pages it has are dirty, or has
 *	    them as mixed and ones
 * Queries rely on B1 and B3: they look for a bit where a summary has one.
 * A map that is all dirty is 8 KiB of full bits per TiB, and costs as much to
 * write and to take.
 *
 * THE MARK PLANE is written by any number of markers, without locks, and
 * emptied by the owner before every query and take: mark.h.
 *
 * AN EXAMPLE. 512 pages are 8 words, in one group. Pages 3, 130 and 133 are
 * marked; a kernel's bitmap with pages 3, 66 and 192 to 255 is merged; all is
 * taken, which begins with a drain. Words in hexadecimal, those of pages
 * counted from 0; what is not shown is 0 all the time, `words` of the bits
 * plane among it:
 *
 *			     created  marked  merged  drained  taken
 *	mark plane
 *	  words,  word 0	   0	   8	   8	    0	   0
 *		  word 2	   0	  24	  24	    0	   0
 *	  lines,  byte 0	   0	   1	   1	    0	   0
 *	  groups, word 0	   0	   1	   1	    0	   0
 *	  root			   0	   1	   1	    0	   0
 *	bits plane
 *	  packed, slot 0	   0	   0	   8	    8	   8
 *		  slot 1	   0	   0	   4	    4	   4
 *		  slot 2	   0	   0	   0	   24	  24
 *	  groups, mixed		   0	   0	   3	    7	   0
 *		  ones		   0	   0	   8	    8	   0
 *	  level2, word 0	   0	   0	   1	    1	   0
 *	  full,   word 0	   0	   0	   0	    0	   0
 *
 * Pages 3 and 66 make words 0 and 1 mixed, which are stored in slots 0 and 1;
 * pages 192 to 255 are word 3, all ones and not in memory. The drain finds
 * page 3 dirty already, and word 2 clean: it becomes mixed and gets slot 2.
 * The take stores the edges 3 4, 66 67, 130 131, 133 134, 192 256, and leaves
 * the slots as they are, since no mixed bit refers to them any more.
 */
#ifndef LIB_BITMAP_LAYOUT_H
#define LIB_BITMAP_LAYOUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/bitmap.h>

#include "bitmap/kernels/kernels.h"
#include "bitmap/kernels/packing.h"

#define SMI_WORD_SHIFT	6
#define SMI_GROUP_SHIFT 12
#define SMI_WORD_PAGES	UINT64_C(64)
#define SMI_GROUP_PAGES UINT64_C(4096)
#define SMI_LINE_WORDS	8 /* in a cache line of 64 bytes */
#define SMI_GROUP_LINES (SMI_GROUP_WORDS / SMI_LINE_WORDS)
#define SMI_ALL_ONES	(~UINT64_C(0))

struct smudge_bitmap {
	/*
	 * Read by every mark, so they are in one cache line. The arrays here
	 * and below have room for the largest size.
	 */
	_Atomic uint64_t fast_npages;  /* mark_npages; 0 without membarrier */
	_Atomic uint64_t mark_npages;  /* npages, for markers */
	_Atomic uint64_t *mark_words;  /* [ngroups][SMI_GROUP_WORDS] */
	_Atomic uint8_t *mark_lines;   /* [ngroups][SMI_GROUP_LINES] */
	_Atomic uint64_t *mark_groups; /* [nlevel2], one bit per group */
	uint64_t npages;	       /* the owner's, as all below */
	uint64_t ngroups;
	uint64_t nlevel2;      /* words with one bit per group */
	uint64_t nmark_level2; /* as many as there have ever been */

	/* The root, written by markers, so it has a cache line of its own. */
	_Alignas(64) _Atomic uint64_t marked;

	_Alignas(64) uint64_t *words; /* [ngroups][SMI_GROUP_WORDS] */
	uint64_t *packed;	      /* [ngroups][SMI_PACKED_WORDS] */
	struct smi_group *groups;     /* [ngroups] */
	uint64_t *level2;	      /* [nlevel2] */
	uint64_t *full;		      /* [nlevel2] */
	bool owes_barrier;	      /* until then no bit leaves */
	uint64_t kept_pages;	      /* taken and left dirty for that reason */
	const struct smi_kernels *kernels;
	void *mark_base; /* the two mappings */
	void *bits_base;
	size_t mark_bytes;
	size_t bits_bytes;
};

/* The word, and the group, that a page is in. */
static inline uint64_t smi_page_word(uint64_t page)
{
	return page >> SMI_WORD_SHIFT;
}

static inline uint64_t smi_page_group(uint64_t page)
{
	return page >> SMI_GROUP_SHIFT;
}

/* The line of the mark plane that a word is in. */
static inline uint64_t smi_word_line(uint64_t word)
{
	return word / SMI_LINE_WORDS;
}

/* The index, in the group, of the word that a page is in. */
static inline unsigned int smi_word_index(uint64_t page)
{
	return smi_page_word(page) & (SMI_GROUP_WORDS - 1);
}

/* A group's first page, and the word of level2 and full that has its bit. */
static inline uint64_t smi_group_page(uint64_t group)
{
	return group << SMI_GROUP_SHIFT;
}

static inline uint64_t smi_level2_word(uint64_t group)
{
	return group >> SMI_WORD_SHIFT;
}

/* The number of groups that pages [0, end) are in. */
static inline uint64_t smi_count_groups(uint64_t end)
{
	return smi_page_group(end + SMI_GROUP_PAGES - 1);
}

/* Clamp [first, first + npages) to [0, end); false if nothing is left. */
static inline bool smi_clamp(uint64_t end, uint64_t first, uint64_t *npages)
{
	if (first >= end)
		return false;
	if (*npages > end - first)
		*npages = end - first;
	return *npages != 0;
}

/* The owner's: clamp a range to the bitmap. */
static inline bool smi_bitmap_clamp(const struct smudge_bitmap *bitmap,
				    uint64_t first, uint64_t *npages)
{
	return smi_clamp(bitmap->npages, first, npages);
}

/* The owner's: how many pages, groups and words of group bits there are. */
static inline void smi_bitmap_set_npages(struct smudge_bitmap *bitmap,
					 uint64_t npages)
{
	bitmap->npages = npages;
	bitmap->ngroups = smi_count_groups(npages);
	bitmap->nlevel2 = smi_level2_word(bitmap->ngroups + 63);
	if (bitmap->nmark_level2 < bitmap->nlevel2)
		bitmap->nmark_level2 = bitmap->nlevel2;
}

#endif
