/* SPDX-License-Identifier: MIT */
/*
 * What the mprotect sources protect, and the handler of its faults.
 *
 * A page that is protected is clean. A page that may be written has its bit in
 * the area's `pending`, or a handler is about to set it:
 *
 *	handler:  section begins; find the area; make the page writable;
 *	          mark it; section ends
 *	harvest:  wait until all sections that began before have ended;
 *	          take the bits; protect their pages; report them
 *
 * WHY NOTHING IS LOST. A store needs a writable page. Some handler made it so:
 * one that has marked it, or one whose section is under way. Suppose a store
 * ends before a harvest begins. In the first case the bit is there, unless a
 * harvest took it since; that harvest protected the page, so another handler
 * made it writable. In the second case the harvest waits for the section. So it
 * finds the bit. And a handler that was late, and made a page writable again
 * that a harvest has just protected, marks it in the same section: for the next
 * harvest, which waits for it. Marking first would lose: the bit could be taken
 * and the page protected before the handler makes it writable.
 *
 * A section is one of RCU, which a signal handler may have (sys/rcu.h).
 */
#ifndef LIB_SOURCE_MPROTECT_AREA_H
#define LIB_SOURCE_MPROTECT_AREA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/bitmap.h>
#include <smudge/error.h>

/* A mapping, or the part of one, as the program made it. */
struct smi_mprotect_piece {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t page_bytes; /* that are protected together */
	int prot;	     /* the program's; one without PROT_WRITE is not
				touched */
};

/*
 * The range of a source that runs. Handlers read it, so nothing in it changes
 * but `end`, downwards: pieces and bits beyond it count for nothing. An area
 * that grows is replaced.
 */
struct smi_mprotect_area {
	uint64_t start;
	_Atomic uint64_t end;
	unsigned int page_shift; /* the host's; of `pending` */
	struct smudge_bitmap *pending;
	atomic_bool is_short; /* a handler made more writable than it had to */
	struct smi_mprotect_piece *pieces; /* ascending, without a hole */
	size_t npieces;
};

/* Relaxed: a handler that reads an old end is waited for. */
static inline uint64_t smi_mprotect_area_end(const struct smi_mprotect_area *a)
{
	return atomic_load_explicit(&a->end, memory_order_relaxed);
}

/* The host's pages in it. */
static inline uint64_t
smi_mprotect_area_npages(const struct smi_mprotect_area *a)
{
	return (smi_mprotect_area_end(a) - a->start) >> a->page_shift;
}

/*
 * smi_mprotect_hold - install the handler for a source that exists
 * smi_mprotect_release - a source is gone; the last one's removes it
 *
 * The first one tries it with a page of its own. Return: 0, -ENOMEM, -EBUSY
 * (the program replaced the handler too often), -EOPNOTSUPP (the trial fails),
 * or the error of sigaction(2).
 */
int smi_mprotect_hold(struct smudge_error *err);
void smi_mprotect_release(void);

/*
 * smi_mprotect_area_open - find the pieces of a range, and protect them
 * @area: zeroed; its place stays the same until it is closed
 * @start, @end: addresses, whole host pages
 *
 * State after failure: nothing is protected.
 * Return: 0, -EBUSY (another area has a part), -EINVAL (not whole huge pages),
 * -ENOMEM (a hole; no memory; too many mappings), or that of reading smaps.
 */
int smi_mprotect_area_open(struct smi_mprotect_area *area, uint64_t start,
			   uint64_t end, struct smudge_error *err);

/*
 * smi_mprotect_area_grow - another area, which begins where one begins and ends
 *      later
 * @area: open; closed and freed after a success
 * @end: beyond its end; whole host pages
 * @ret_area: receives the new area, made by malloc, with the old one's bits
 *
 * State after failure: @area is as it was, and nothing else is protected.
 * Return: as smi_mprotect_area_open.
 */
int smi_mprotect_area_grow(struct smi_mprotect_area *area, uint64_t end,
			   struct smi_mprotect_area **ret_area,
			   struct smudge_error *err);

/*
 * smi_mprotect_area_cut - end it earlier, at the end of a page of its pieces at
 *      @end or behind it; what comes after has the program's protection again
 */
void smi_mprotect_area_cut(struct smi_mprotect_area *area, uint64_t end);

/*
 * smi_mprotect_area_close - give the program its protections again
 * Return: false when a handler may still use the area: its memory stays.
 */
bool smi_mprotect_area_close(struct smi_mprotect_area *area);

/*
 * smi_mprotect_area_settle - wait for handlers, and see that only they have
 *      made pages writable
 *
 * Return: 0, -EPERM (the program changed a protection, or mapped or unmapped
 * memory in the area), -EIO (no barrier works), or that of reading maps.
 */
int smi_mprotect_area_settle(struct smi_mprotect_area *area,
			     struct smudge_error *err);

/*
 * Protect pages again, whole pages of their pieces. Where the process has too
 * many mappings a whole piece is protected, which may add to what is clean: no
 * store is lost, since every handler that comes marks. Return: 0 or -errno.
 */
int smi_mprotect_area_protect(const struct smi_mprotect_area *area,
			      uint64_t start, uint64_t end);

#endif
