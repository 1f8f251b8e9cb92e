/* SPDX-License-Identifier: MIT */
/*
 * The dirty bitmap's insides: what is where, and what always holds.
 *
 * LAYOUT. Two planes of three levels each, fan-out 64. A group is 4096 pages:
 * 64 words (512 bytes), the unit of all vector kernels.
 *
 *	bits plane, the owner's                           for 2^28 pages
 *	  words    one bit a page                                 32 MiB
 *	  packed   eight words a group                             4 MiB
 *	  groups   two bits a word: is it mixed, is it all ones    1 MiB
 *	  level2   one bit a group: has it a dirty page            8 KiB
 *	  full     one bit a group: are all of its pages dirty     8 KiB
 *	mark plane, the markers'
 *	  levels 0, 1, 2: one bit a page, a word, a group  32.5 MiB
 *
 * All of it is reserved, and memory only where bits have been. A fill or an
 * empty gives the bits plane's back, destroy all of it, a take nothing.
 *
 * Three levels are enough for any size: a scan of level 2 of a 1 TiB guest
 * reads 16 KiB, level 2 and full (docs/decisions/0001).
 *
 * THE BITS PLANE belongs to the owner, who alone reads and writes it, so it
 * needs no atomics. A word of pages is in one of three states: all clean, all
 * dirty, or mixed; only a mixed word is in memory. The memory of any other
 * holds leftovers and is never read, so that a take clears 16 bytes a group
 * and no words, a merge into a clean group stores without reading, and a run
 * of 64 dirty pages is a bit (docs/decisions/0005). A group with up to eight
 * mixed words has them in one line of `packed`, one with more has each in its
 * place in `words` (docs/decisions/0009; kernels/packing.h). Invariants,
 * between any two calls:
 *	B1  mixed bit set   =>  the word is neither 0 nor all ones
 *	B2  no word is both mixed and ones; not all 64 are ones
 *	B3  level 2 bit set <=> the group has a mixed or a ones bit
 *	B4  full bit set    =>  the group has no mixed and no ones bit
 *	B5  no page at or beyond npages is dirty; the ragged last group is
 *	    full if all pages it has are dirty, or has them as mixed and ones
 * B1 and B3 are relied on: the queries look for a bit where a summary has one.
 * So a map that is all dirty is 8 KiB of full bits per TiB, and costs that to
 * write and take.
 *
 * THE MARK PLANE is written by any number of markers, without locks, and
 * emptied by the owner before every query and take: mark.h.
 *
 * AN EXAMPLE. 512 pages are 8 words, in one group. Pages 3, 130 and 133 are
 * marked; a kernel's bitmap with pages 3, 66 and 192 to 255 is merged; all is
 * taken, which begins with a drain. Words in hexadecimal, those of pages
 * counted from 0; what is not shown is 0 all the time, `words` among it:
 *
 *			     created  marked  merged  drained  taken
 *	mark plane
 *	  level 0, word 0	   0	   8	   8	    0	   0
 *		   word 2	   0	  24	  24	    0	   0
 *	  level 1, word 0	   0	   5	   5	    0	   0
 *	  level 2, word 0	   0	   1	   1	    0	   0
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
 * The take gives the edges 3 4, 66 67, 130 131, 133 134, 192 256, and leaves
 * the slots as they are, since no mixed bit leads to them any more.
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
#define SMI_LEVELS	3
#define SMI_ALL_ONES	(~UINT64_C(0))

struct smudge_bitmap {
	/* Read by every mark: one cache line. 0 without membarrier. */
	_Atomic uint64_t fast_npages;
	_Atomic uint64_t *mark[SMI_LEVELS];
	uint64_t npages;
	uint64_t nwords[SMI_LEVELS]; /* words of each level */

	/* Written by markers: on a cache line of its own. */
	_Alignas(64) _Atomic uint64_t marked;

	_Alignas(64) uint64_t *words; /* nwords[0] */
	uint64_t *packed;	      /* nwords[1] * SMI_PACKED_WORDS */
	struct smi_group *groups;     /* nwords[1] */
	uint64_t *level2;	      /* nwords[2] */
	uint64_t *full;		      /* nwords[2] */
	bool owes_barrier;	      /* before bits may leave */
	uint64_t kept_pages; /* that takes gave and left dirty for it */
	const struct smi_kernels *kernels;
	void *mark_base; /* the two mappings */
	void *bits_base;
	size_t mark_bytes;
	size_t bits_bytes;
};

/* The word of level 0, and the group, that a page is in. */
static inline uint64_t smi_page_word(uint64_t page)
{
	return page >> SMI_WORD_SHIFT;
}

static inline uint64_t smi_page_group(uint64_t page)
{
	return page >> SMI_GROUP_SHIFT;
}

/* Which of its group's 64 words a page is in. */
static inline unsigned int smi_word_index(uint64_t page)
{
	return smi_page_word(page) & (SMI_GROUP_WORDS - 1);
}

/* A group's first page, and the word of level 2 (and full) with its bit. */
static inline uint64_t smi_group_page(uint64_t group)
{
	return group << SMI_GROUP_SHIFT;
}

static inline uint64_t smi_level2_word(uint64_t group)
{
	return group >> 6;
}

/* How many groups pages [0, end) are in. */
static inline uint64_t smi_count_groups(uint64_t end)
{
	return smi_page_group(end + SMI_GROUP_PAGES - 1);
}

static inline uint64_t smi_bitmap_ngroups(const struct smudge_bitmap *bitmap)
{
	return bitmap->nwords[1];
}

/* Clamp [first, first + n) to the bitmap; false when nothing is left. */
static inline bool smi_bitmap_clamp(const struct smudge_bitmap *bitmap,
				    uint64_t first, uint64_t *npages)
{
	if (first >= bitmap->npages)
		return false;
	if (*npages > bitmap->npages - first)
		*npages = bitmap->npages - first;
	return *npages != 0;
}

#endif
