/* SPDX-License-Identifier: MIT */
/*
 * Fetching, flagging and counting the entries of one ring.
 */
#include "source/kvm_ring_entries.h"

#include <linux/kvm.h>

_Static_assert(sizeof(struct smi_ring_entry) == sizeof(struct kvm_dirty_gfn),
	       "the kernel's entry");
_Static_assert(offsetof(struct smi_ring_entry, offset) ==
		       offsetof(struct kvm_dirty_gfn, offset),
	       "the kernel's entry");

static struct smi_ring_entry *entry_at(const struct smi_ring *ring,
				       uint64_t index)
{
	return &ring->entries[index & (ring->nentries - 1)];
}

/* Acquire: pairs with the kernel's release, the page's number is there. */
static uint32_t flags_at(const struct smi_ring *ring, uint64_t index)
{
	return atomic_load_explicit(&entry_at(ring, index)->flags,
				    memory_order_acquire);
}

/* Release: the kernel reuses the entry, so our reading of it is over. */
static void flag(struct smi_ring *ring, uint64_t index)
{
	atomic_store_explicit(&entry_at(ring, index)->flags,
			      KVM_DIRTY_GFN_F_DIRTY | KVM_DIRTY_GFN_F_RESET,
			      memory_order_release);
}

size_t smi_ring_fetch(struct smi_ring *ring, struct smi_ring_page *pages,
		      size_t max)
{
	size_t n = 0;

	for (; n < max && flags_at(ring, ring->fetch); n++) {
		const struct smi_ring_entry *entry =
			entry_at(ring, ring->fetch);

		pages[n].slot = entry->slot;
		pages[n].offset = entry->offset;
		flag(ring, ring->fetch++);
	}
	return n;
}

bool smi_ring_is_flagged(const struct smi_ring *ring)
{
	return flags_at(ring, ring->reset) & KVM_DIRTY_GFN_F_RESET;
}

void smi_ring_was_reset(struct smi_ring *ring, uint64_t n)
{
	ring->reset += n;
	if (ring->fetch < ring->reset)
		ring->fetch = ring->reset;
}

bool smi_ring_had_room(const struct smi_ring *ring, uint64_t reset)
{
	return !flags_at(ring, reset - 1);
}

void smi_ring_overflowed(struct smi_ring *ring)
{
	ring->fetch = ring->reset;
	ring->has_overflowed = true;
}

/*
 * The acquire of the dirty entry makes all that was pushed before it visible:
 * the next entry is read again after it.
 */
uint64_t smi_ring_hole(const struct smi_ring *ring)
{
	uint64_t n = 0;

	while (n < ring->nentries && !flags_at(ring, ring->fetch + n))
		n++;
	if (n == ring->nentries || flags_at(ring, ring->fetch))
		return 0;
	return n;
}

void smi_ring_skip(struct smi_ring *ring, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		flag(ring, ring->fetch++);
}
