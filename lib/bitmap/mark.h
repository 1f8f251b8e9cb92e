/* SPDX-License-Identifier: MIT */
/*
 * The mark plane's protocol, and why it loses nothing.
 *
 * THE MARK PLANE is written by any number of markers, without locks. The owner
 * empties it with smi_bitmap_drain before every query and take, which moves its
 * bits to the bits plane. Its parts, bottom up:
 *
 *	words   one bit per page
 *	lines   one byte per eight words, which are one cache line, 512 pages
 *	groups  one bit per group of 4096 pages
 *	root    not zero if a group may have a bit
 *
 * Above the words, a bit or byte may be stale-set, and after every mark has
 * returned it is never stale-clear:
 *
 *	mark:  store the page's content; compiler barrier;
 *	       word: load it; bit missing?
 *	           line: load it, relaxed; 0? store 1, relaxed;
 *	           OR the bit in;
 *	       for line, group, root, in this order:
 *	           load it; bit missing? OR it in
 *	drain: for root, groups, lines, words, in this order, descending
 *	       only where a bit was found: load it; not 0? exchange with 0;
 *	       OR what a word held into the bits plane;
 *	       if any was found: expedited membarrier.
 *
 * All accesses to the plane are seq_cst, but for the two that are called
 * relaxed, so the argument below may speak of before and after. Acquire and
 * release are not enough: a marker that sets a group's bit and finds the root
 * set, against a drain that clears the root and looks at the group, is store
 * buffering, and both may read the old value. On x86 it is the same code; a
 * mark of a dirty page has loads only either way.
 *
 * WHY NO MARK IS LOST. Leave the early store of the line out at first. A marker
 * returns after it saw, or set, its bit in each part, bottom up. A drain clears
 * top down, and there is one at a time, the owner's. Suppose a drain cleared a
 * summary after the marker saw it set: then it exchanges the word below later
 * still, finds the marker's bit there (or the byte of the line, and so on), and
 * moves it; or the bit is gone, because an earlier drain, which another
 * marker's summary led there, moved it already. Suppose it cleared the summary
 * before the marker looked: the marker finds it missing and sets it, for the
 * next drain. A marker that finds its page's bit set by another marker looks at
 * the summaries all the same: the other marker may not have set them yet. So a
 * root or summary may be found set with nothing below it; that costs a look.
 *
 * WHY THE LINE IS STORED EARLY. An atomic OR costs more than the rest of a
 * mark, and a page whose word has no mark yet would need two: for the word and
 * for the line. A plain store of the line would do instead if a barrier
 * followed it before the group is looked at. The word's OR is a barrier, so the
 * line is stored before the word. This adds one case to the argument: the line
 * may be set before the word has its bit. That is only stale-set, and a drain
 * that clears it meanwhile is noticed, since the marker looks at the line again
 * after the OR, as at every summary, and sets it if it is missing. If that load
 * reads the marker's own early store, then the line is as set as by an OR: the
 * load is seq_cst, and no later seq_cst access of the line reads an older value
 * (x86: the OR empties the store buffer; arm64: the store comes before the OR's
 * store-release, which comes before the load-acquire; C++20 says it for all).
 * The line is a byte of its own, so a plain store takes no other line's byte.
 *
 * WHY NO CONTENT IS LOST. A marker that finds every bit set writes nothing, so
 * on its own it does not order its store of the content before its load of the
 * bit: store; load (set)  against  clear; read content  is Dekker's pattern and
 * needs a full barrier on both sides. The drain's membarrier is that barrier
 * for every running thread: the marker's store is visible when it returns, or
 * the marker's load comes after it and sees the bit cleared. So a mark of a
 * page that was marked since the last drain costs loads only; the first mark
 * after a drain sets the bits again. Without membarrier fast_npages is 0, and
 * every mark takes the way that fences.
 *
 * MEMBARRIER IS REFUSED LATER, by a filter that was installed meanwhile. The
 * drain that finds out has cleared bits already, and markers that found them
 * set may not have fenced. It sets fast_npages to 0 and gets one barrier of
 * another kind (sys/barrier.h): a marker that read the old fast_npages before
 * that barrier has its stores visible now, one that reads it afterwards fences.
 * If there is no such barrier, one is owed, and each later drain tries again.
 * Until one succeeds, nothing leaves the bits plane: a take stores pages in its
 * batch and keeps their bits, however often, and a clear clears nothing. So
 * each page is taken at least once more after the barrier, and then its content
 * is there.
 */
#ifndef LIB_BITMAP_MARK_H
#define LIB_BITMAP_MARK_H

#include "bitmap/layout.h"

/* The same where there may be marks, or a barrier is owed. */
void smi_bitmap_drain_marks(struct smudge_bitmap *bitmap);

/* Move all marks into the bits plane, so that only that needs a look. */
static inline void smi_bitmap_drain(struct smudge_bitmap *bitmap)
{
	if (atomic_load_explicit(&bitmap->marked, memory_order_seq_cst) ||
	    bitmap->owes_barrier)
		smi_bitmap_drain_marks(bitmap);
}

#endif
