/* SPDX-License-Identifier: MIT */
/*
 * The insides of struct smudge_kvm, for the sources made from it.
 */
#ifndef LIB_SOURCE_KVM_H
#define LIB_SOURCE_KVM_H

#include <pthread.h>

#include <smudge/source.h>

/* A source that logs now, in its VM's list. */
struct smi_kvm_user {
	struct smi_kvm_user *next;
	uint32_t slot;
};

struct smudge_kvm {
	int vm_fd; /* our duplicate */
	enum smudge_kvm_log_mode mode;
	pthread_mutex_t lock;	    /* innermost; no call is made with it */
	struct smi_kvm_user *users; /* lock */
	size_t nowners;		    /* lock; the caller, and each source */
};

/* A source stands on the handle from its creation until it is destroyed. */
void smi_kvm_hold(struct smudge_kvm *kvm);
/* The last owner frees it. */
void smi_kvm_release(struct smudge_kvm *kvm);

/*
 * A slot has one source at a time: what one of two cleared in the kernel the
 * other would never see. smi_kvm_enter returns 0, or -EBUSY when another one
 * logs user->slot; smi_kvm_leave undoes it.
 */
int smi_kvm_enter(struct smudge_kvm *kvm, struct smi_kvm_user *user);
void smi_kvm_leave(struct smudge_kvm *kvm, struct smi_kvm_user *user);

#endif
