/* SPDX-License-Identifier: MIT */
/*
 * The insides of struct smudge_kvm, for the sources made from it.
 */
#ifndef LIB_SOURCE_KVM_H
#define LIB_SOURCE_KVM_H

#include <pthread.h>

#include <smudge/source.h>

/* A slot that a source logs now, in its VM's list. */
struct smi_kvm_claim {
	struct smi_kvm_claim *next;
	uint32_t slot;
};

struct smudge_kvm {
	int vm_fd; /* our duplicate */
	enum smudge_kvm_log_mode mode;
	pthread_mutex_t lock;	      /* innermost; no call is made with it */
	struct smi_kvm_claim *claims; /* lock */
	size_t nowners;		      /* lock; the caller, and each source */
};

/* A source owns a share of the handle for all of its life. */
void smi_kvm_hold(struct smudge_kvm *kvm);
/* The last owner frees it. */
void smi_kvm_release(struct smudge_kvm *kvm);

/*
 * A slot has one source at a time: what one of two cleared in the kernel the
 * other would never see. smi_kvm_slot_claim returns 0, or -EBUSY when another
 * one logs claim->slot; smi_kvm_slot_release undoes it.
 */
int smi_kvm_slot_claim(struct smudge_kvm *kvm, struct smi_kvm_claim *claim);
void smi_kvm_slot_release(struct smudge_kvm *kvm, struct smi_kvm_claim *claim);

#endif
