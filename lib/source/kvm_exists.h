/* SPDX-License-Identifier: MIT */
/*
 * Does a memory slot exist? To switch the logging of one that does not makes
 * KVM create it: the guest would get memory that the program did not give it.
 */
#ifndef LIB_SOURCE_KVM_EXISTS_H
#define LIB_SOURCE_KVM_EXISTS_H

#include <smudge/source.h>

/*
 * Changes nothing of a slot that exists. Return: 0, also when KVM does not
 * tell; -ENOENT with a sentence.
 */
int smi_kvm_check_exists(int vm_fd, const struct smudge_kvm_slot *slot,
			 const char *where, struct smudge_error *err);

#endif
