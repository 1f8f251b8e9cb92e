/* SPDX-License-Identifier: MIT */
/*
 * KVM has no call to ask for a slot. But a slot is read-only or not for its
 * life: where one exists, an attempt to change that fails with -EINVAL and
 * changes nothing. Where none exists, it creates one, which is deleted at once.
 */
#include "source/kvm_exists.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

static int set_slot(int vm_fd, const struct smudge_kvm_slot *slot,
		    uint64_t size_bytes)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->slot,
		.flags = slot->flags ^ KVM_MEM_READONLY,
		.guest_phys_addr = slot->gpa,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)slot->hva,
	};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno
								     : 0;
}

int smi_kvm_check_exists(int vm_fd, const struct smudge_kvm_slot *slot,
			 const char *where, struct smudge_error *err)
{
	int ret;

	/* The attempt would let the guest write, however shortly. */
	if (slot->flags & KVM_MEM_READONLY)
		return 0;
	ret = set_slot(vm_fd, slot, slot->size_bytes);
	if (ret == -EEXIST)
		return smudge_error_set(err, -ENOENT, where,
					"slot %u does not exist in this VM, "
					"and another slot has its gpa 0x%llx",
					slot->slot,
					(unsigned long long)slot->gpa);
	if (ret < 0)
		return 0;
	ret = set_slot(vm_fd, slot, 0);
	if (ret < 0)
		return smudge_error_set(err, ret, where,
					"slot %u, made to see if it exists, "
					"cannot be deleted: %s",
					slot->slot, strerror(-ret));
	return smudge_error_set(err, -ENOENT, where,
				"slot %u does not exist in this VM: create it "
				"before its source starts",
				slot->slot);
}
