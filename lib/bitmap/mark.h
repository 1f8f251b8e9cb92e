/* SPDX-License-Identifier: MIT */
/*
 * The mark plane's protocol, and why it loses nothing.
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
#ifndef LIB_BITMAP_MARK_H
#define LIB_BITMAP_MARK_H

#include "bitmap/layout.h"

/* Move all marks into the bits plane, so that only that needs a look. */
void smi_bitmap_drain(struct smudge_bitmap *bitmap);

#endif
