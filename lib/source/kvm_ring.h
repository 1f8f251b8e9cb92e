/* SPDX-License-Identifier: MIT */
/*
 * The insides of struct smudge_kvm_ring, for its files: the handle
 * (kvm_ring.c), its slots (kvm_ring_slot.c) and the drain (kvm_ring_drain.c).
 *
 * LOCKS. The hub's, then the handle's. The hub's guards the list of running
 * slots; the handle's guards the rings, the list of them and the statistics.
 */
#ifndef LIB_SOURCE_KVM_RING_H
#define LIB_SOURCE_KVM_RING_H

#include <pthread.h>
#include <stdbool.h>

#include <smudge/hub.h>
#include <smudge/kvm_ring.h>

#include "source/kvm_ring_entries.h"

#define SMI_KVM_RING "kvm_ring"

/* Ids: the slot's 16 bits, and two address spaces (x86 has one for SMM). */
#define SMI_KVM_RING_NSLOTS (2u * 65536)

struct smi_kvm_ring_slot {
	struct smudge_kvm_ring *handle;
	struct smi_kvm_ring_slot *next; /* the hub's lock; while it runs */
	struct smudge_kvm_slot slot;
	struct smudge_hub_member *member;
	uint64_t npages;
	uint64_t *words; /* while it runs, of the kernel's bitmap; or NULL */
};

struct smudge_kvm_ring_vcpu {
	struct smudge_kvm_ring *handle;
	struct smudge_kvm_ring_vcpu *next; /* lock */
	struct smi_ring ring;		   /* lock */
	/* lock; ring.reset after the last smudge_kvm_ring_full: */
	uint64_t reset_when_full;
	bool is_stuck; /* lock; it is full, though nothing is in it */
};

struct smudge_kvm_ring {
	int vm_fd; /* our duplicate */
	uint64_t nentries;
	bool has_bitmap; /* of pages that were written without a vCPU */
	struct smudge_hub *hub;
	/* The hub's lock: */
	struct smi_kvm_ring_slot *running;
	struct smi_kvm_ring_slot **slots; /* by id; NULL: it does not run */
	bool must_start_over;		  /* entries were lost */
	struct smi_ring_page *pages;	  /* a batch of entries */
	size_t max_pages;

	pthread_mutex_t lock;
	struct smudge_kvm_ring_vcpu *vcpus;
	struct smudge_kvm_ring_stats stats;
};

/*
 * The drain. hub->collect: returns 0, or -errno with a sentence. The hub's lock
 * is held.
 */
int smi_kvm_ring_collect(void *opaque, struct smudge_error *err);

/* The slots, hub operations; the hub's lock is held, but in leave. */
int smi_kvm_ring_start(void *opaque, void *slot,
		       const struct smudge_source_range *range,
		       struct smudge_error *err);
void smi_kvm_ring_stop(void *opaque, void *slot);
void smi_kvm_ring_leave(void *opaque, void *slot);

/* All running slots: arm every page again, and report it. */
int smi_kvm_ring_start_over(struct smudge_kvm_ring *handle,
			    struct smudge_error *err);

/* All running slots: report the kernel's bitmap. */
int smi_kvm_ring_read_bitmaps(struct smudge_kvm_ring *handle,
			      struct smudge_error *err);

#endif
