/* SPDX-License-Identifier: MIT */
/*
 * A memory of two regions, each tracked by a slot of the simulated KVM's dirty
 * rings, and a client.
 */
#ifndef TESTS_UNIT_SOURCE_KVM_RIG_H
#define TESTS_UNIT_SOURCE_KVM_RIG_H

#include <smudge/client.h>
#include <smudge/memory.h>

#include "fake_kvm.h"
#include "support.h"

struct kvm_rig {
	struct smudge_kvm_ring *ring;
	struct smudge_kvm_ring_vcpu *vcpus[FAKE_NVCPUS];
	struct smudge_memory *memory;
	struct smudge_region *regions[FAKE_NSLOTS];
	struct smudge_source *sources[FAKE_NSLOTS];
	struct smudge_client *client; /* NULL before kvm_rig_watch */
};

/* Rings of @nentries; fake_kvm_open() was called. */
void kvm_rig_open(struct kvm_rig *rig, uint32_t nentries);
/* And fake_kvm_close(). */
void kvm_rig_close(struct kvm_rig *rig);

/* Open the client; everything is clean for it. */
void kvm_rig_watch(struct kvm_rig *rig);
void kvm_rig_unwatch(struct kvm_rig *rig);

int kvm_rig_harvest(struct kvm_rig *rig, struct smudge_error *err);
/* All is clean for the client again. */
void kvm_rig_clean(struct kvm_rig *rig);
bool kvm_rig_is_dirty(const struct kvm_rig *rig, unsigned int slot,
		      uint64_t page);
uint64_t kvm_rig_count(const struct kvm_rig *rig, unsigned int slot);
struct smudge_kvm_ring_stats kvm_rig_stats(struct kvm_rig *rig);

#endif
