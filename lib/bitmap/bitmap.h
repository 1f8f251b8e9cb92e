/* SPDX-License-Identifier: MIT */
/*
 * The dirty bitmap's insides.
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
 * place in `words` (docs/decisions/0009; packing.h). Invariants, between any
 * two calls:
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
 * emptied by the owner with smi_bitmap_drain before every query and take,
 * which moves its bits to the bits plane. `marked` is its root: not zero if
 * level 2 may have bits. Above the words, a bit may be stale-set, and after
 * every mark has returned it is never stale-clear:
 *
 *	mark:  store the page's content; compiler barrier;
 *	       for word, level 1, level 2, root, in this order:
 *	           load it; bit missing? OR it in
 *	drain: for root, level 2, level 1, word, in this order, descending
 *	       only where a bit was found: load it; not 0? exchange with 0;
 *	       OR what a word held into the bits plane;
 *	       if any was found: expedited membarrier.
 *
 * All accesses to the plane are seq_cst, so the argument below may speak of
 * before and after. Acquire and release are not enough: a marker that sets
 * level 2 and finds the root set, against a drain that clears the root and
 * looks at level 2, is store buffering, and both may read the old value. On
 * x86 it is the same code; a mark of a dirty page has loads only either way.
 *
 * WHY NO MARK IS LOST. A marker returns after it saw, or set, its bit on each
 * level, bottom up. A drain clears top down, and there is one at a time, the
 * owner's. Suppose a drain cleared a summary bit after the marker saw it set:
 * then it exchanges the word below later still, finds the marker's bit there
 * (or the bit on the next level down, and so on), and moves it; or the bit is
 * gone, because an earlier drain, which another marker's summary led there,
 * moved it already. Suppose it cleared the summary bit before the marker
 * looked: the marker finds it missing and sets it, for the next drain. A
 * marker that finds its page's bit set by another marker goes on to look at
 * the summaries all the same: the other one may not be there yet. So a root
 * or summary may be found set with nothing below it; that costs a look.
 *
 * WHY NO CONTENT IS LOST. A marker that finds every bit set writes nothing,
 * so on its own it does not order its store of the content before its load of
 * the bit: store; load (set)  against  clear; read content  is Dekker's
 * pattern and needs a full barrier on both sides. The drain's membarrier is
 * that barrier for every running thread: the marker's store is visible when
 * it returns, or the marker's load comes after it and sees the bit cleared.
 * A mark of a page that was marked since the last drain so costs loads only;
 * the first one after it sets the bits again. Without membarrier fast_npages
 * is 0, and every mark takes the way that fences.
 *
 * MEMBARRIER IS REFUSED LATER, by a filter that was installed meanwhile. The
 * drain that finds out has cleared bits already, and markers that found them
 * set may not have fenced. It sets fast_npages to 0 and gets one barrier of
 * another kind (sys/barrier.h): a marker that read the old fast_npages before
 * it has its stores visible now, one that reads it after it fences. If no
 * barrier can be had, one is owed, and each later drain tries again. Until it
 * was had, nothing leaves the bits plane: a take gives pages and keeps their
 * bits, however often, and a clear clears nothing. So a page is given at least
 * once more after the barrier, and then its content is there.
 */
#ifndef LIB_BITMAP_BITMAP_H
#define LIB_BITMAP_BITMAP_H

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

/* Move all marks into the bits plane, so that only that needs a look. */
void smi_bitmap_drain(struct smudge_bitmap *bitmap);

/* The group has no dirty page. */
void smi_bitmap_clear_group(struct smudge_bitmap *bitmap, uint64_t group);

/* The group is all dirty. */
void smi_bitmap_fill_group(struct smudge_bitmap *bitmap, uint64_t group);

/*
 * OR the words of @add into those of the group, which may be full; src[0] is
 * word @first, and only those of @add are read.
 */
void smi_bitmap_or(struct smudge_bitmap *bitmap, uint64_t group,
		   const uint64_t *src, unsigned int first,
		   struct smi_group add);

/* After its mixed and ones bits changed: B2 and B3 hold again. */
void smi_bitmap_summarize(struct smudge_bitmap *bitmap, uint64_t group);

/*
 * Move pages [first, end) of a group, full or not, to those words of @out they
 * are in. Other words of @out are not written.
 */
void smi_bitmap_split(struct smudge_bitmap *bitmap, uint64_t group,
		      unsigned int first, unsigned int end, uint64_t *out);

/* The first group at or after @group that has a dirty page, or ngroups. */
uint64_t smi_bitmap_next_group(const struct smudge_bitmap *bitmap,
			       uint64_t group, uint64_t ngroups);

/* query.c: the first clean page in [page, end), or end. Marks not drained. */
uint64_t smi_bitmap_find_clean(const struct smudge_bitmap *bitmap,
			       uint64_t page, uint64_t end);

static inline uint64_t smi_bitmap_ngroups(const struct smudge_bitmap *bitmap)
{
	return bitmap->nwords[1];
}

static inline struct smi_store
smi_bitmap_store(const struct smudge_bitmap *bitmap, uint64_t group)
{
	return (struct smi_store){bitmap->words + group * SMI_GROUP_WORDS,
				  bitmap->packed + group * SMI_PACKED_WORDS};
}

static inline bool smi_bitmap_is_full(const struct smudge_bitmap *bitmap,
				      uint64_t group)
{
	return bitmap->full[group >> 6] >> (group & 63) & 1;
}

/* Pages of the group that exist: 4096, or less in the last one. */
static inline uint64_t
smi_bitmap_group_pages(const struct smudge_bitmap *bitmap, uint64_t group)
{
	uint64_t left = bitmap->npages - (group << SMI_GROUP_SHIFT);

	return left < SMI_GROUP_PAGES ? left : SMI_GROUP_PAGES;
}

/* Word @i of a group that is not full. */
static inline uint64_t smi_bitmap_get_word(const struct smudge_bitmap *bitmap,
					   uint64_t group, unsigned int i)
{
	const struct smi_group *g = &bitmap->groups[group];

	if (g->mixed >> i & 1)
		return smi_stored_word(smi_bitmap_store(bitmap, group),
				       g->mixed, i);
	return g->ones >> i & 1 ? SMI_ALL_ONES : 0;
}

/* Bits [first, end) of a word; first < end <= 64. */
static inline uint64_t smi_mask(unsigned int first, unsigned int end)
{
	return (SMI_ALL_ONES << first) & (SMI_ALL_ONES >> (64 - end));
}

/*
 * The mask of word @index of a group for the range [first, end) of the
 * group's pages: 0 if the word lies outside.
 */
static inline uint64_t smi_word_mask(unsigned int index, unsigned int first,
				     unsigned int end)
{
	unsigned int low = index * 64;

	if (end <= low || first >= low + 64 || first >= end)
		return 0;
	return smi_mask(first > low ? first - low : 0,
			end < low + 64 ? end - low : 64);
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
