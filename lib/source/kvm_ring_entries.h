/* SPDX-License-Identifier: MIT */
/*
 * One ring of entries that a vCPU pushes and the kernel resets in ring order,
 * as it is seen in the shared memory. No system call is made here.
 *
 * An entry is empty (flags 0), dirty, or flagged for a reset. The kernel makes
 * an empty one dirty, we flag a dirty one, and KVM_RESET_DIRTY_RINGS arms the
 * pages of flagged ones and empties them.
 *
 * OVERFLOWS. The kernel should stop the vCPU before the ring is full. A kernel
 * that does not overwrites entries that are not empty yet. Then the entry
 * before the first one that waits for its reset has been pushed: the guard.
 * Only a reset empties it, and we never flag a whole ring at once, so a guard
 * that is empty after a reset proves that nothing was overwritten until then.
 * One that is not empty is taken for an overflow.
 *
 * HOLES. After an overflow the kernel pushes further along than it resets:
 * the next entry to fetch stays empty, and later ones become dirty. The kernel
 * waits for the empty ones to be flagged. An entry that is dirty proves that
 * all before it were pushed in the kernel's count, so these may be flagged
 * then; how many they are cannot be known before. Some of them may become dirty
 * just then and be flagged unread, so that entries are lost once more.
 */
#ifndef LIB_SOURCE_KVM_RING_ENTRIES_H
#define LIB_SOURCE_KVM_RING_ENTRIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's struct kvm_dirty_gfn. */
struct smi_ring_entry {
	_Atomic uint32_t flags;
	uint32_t slot; /* address space in the upper half */
	uint64_t offset;
};

/* What an entry says: a page of a slot. */
struct smi_ring_page {
	uint32_t slot;
	uint64_t offset;
};

struct smi_ring {
	struct smi_ring_entry *entries;
	uint64_t nentries; /* a power of two */
	/* Counts that only grow; modulo nentries they are places: */
	uint64_t fetch;	     /* of the next entry to fetch */
	uint64_t reset;	     /* of the next entry that the kernel resets */
	bool has_overflowed; /* ever: it may have a hole */
};

/*
 * Copy the dirty entries that are next, @max at most, and flag them.
 * Return: their number.
 */
size_t smi_ring_fetch(struct smi_ring *ring, struct smi_ring_page *pages,
		      size_t max);

/* Is the entry that the kernel resets next flagged? */
bool smi_ring_is_flagged(const struct smi_ring *ring);

/* The kernel has reset @n entries; what is beyond fetch was fetched once. */
void smi_ring_was_reset(struct smi_ring *ring, uint64_t n);

/* After a reset of all that was fetched since @reset: is the guard empty? */
bool smi_ring_had_room(const struct smi_ring *ring, uint64_t reset);

/* The kernel and we disagree: fetch what was flagged and not reset again. */
void smi_ring_overflowed(struct smi_ring *ring);

/*
 * The number of entries that are empty before the next dirty one; 0 without a
 * hole, or as long as nothing was pushed after it.
 */
uint64_t smi_ring_hole(const struct smi_ring *ring);

/* Flag the next @n entries, which are empty. */
void smi_ring_skip(struct smi_ring *ring, uint64_t n);

#endif
