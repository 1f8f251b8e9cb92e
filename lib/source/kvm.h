/* SPDX-License-Identifier: MIT */
/*
 * The insides of struct smudge_kvm, for the sources made from it.
 */
#ifndef SMUDGE_SOURCE_KVM_H
#define SMUDGE_SOURCE_KVM_H

#include <smudge/source.h>

struct smudge_kvm {
	int vm_fd; /* our duplicate */
	enum smudge_kvm_log_mode mode;
};

#endif
