/* SPDX-License-Identifier: MIT */
/*
 * Memory slots of KVM, as the sources of a slot need them.
 */
#ifndef LIB_SOURCE_KVM_SLOT_H
#define LIB_SOURCE_KVM_SLOT_H

#include <stdbool.h>

#include <smudge/source.h>

/* KVM's pages have the host's size. */
unsigned int smi_kvm_page_shift(void);

/*
 * Copy a slot that the program filled in. Return: 0, or -errno with a sentence
 * when it is none to log.
 */
int smi_kvm_slot_copy(struct smudge_kvm_slot *to,
		      const struct smudge_kvm_slot *from, const char *where,
		      struct smudge_error *err);

/*
 * The attached range must have the slot's size (rounded up to whole pages of
 * the region) and match it in hva or gpa. One match is enough: aliased slots
 * differ in gpa, regions that are mapped twice differ in hva.
 */
int smi_kvm_slot_check_range(const struct smudge_kvm_slot *slot,
			     const struct smudge_source_range *range,
			     const char *where, struct smudge_error *err);

/* Switch the slot's KVM_MEM_LOG_DIRTY_PAGES. Return: 0, or KVM's -errno. */
int smi_kvm_slot_log(int vm_fd, const struct smudge_kvm_slot *slot, bool on);

#endif
