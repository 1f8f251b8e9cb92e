/* SPDX-License-Identifier: MIT */
/*
 * Checks of a slot, and the switch of its logging.
 */
#include "source/kvm_slot.h"
#include "source/range_check.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "sys/options.h"

unsigned int smi_kvm_page_shift(void)
{
	return (unsigned int)__builtin_ctzl(
		(unsigned long)sysconf(_SC_PAGESIZE));
}

static int check_slot(const struct smudge_kvm_slot *slot, const char *where,
		      struct smudge_error *err)
{
	uint64_t mask = (UINT64_C(1) << smi_kvm_page_shift()) - 1;

	if (!slot->size_bytes ||
	    ((slot->size_bytes | slot->gpa | (uintptr_t)slot->hva) & mask))
		return smudge_error_set(
			err, -EINVAL, where,
			"slot %u is not made of whole host pages", slot->slot);
	if (slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return smudge_error_set(
			err, -EINVAL, where,
			"slot %u must be given without KVM_MEM_LOG_DIRTY_PAGES",
			slot->slot);
	return 0;
}

int smi_kvm_slot_copy(struct smudge_kvm_slot *to,
		      const struct smudge_kvm_slot *from, const char *where,
		      struct smudge_error *err)
{
	int ret = smi_sys_options_copy(
		to, from, SMI_SYS_SHAPE(smudge_kvm_slot, hva), where, err);

	return ret < 0 ? ret : check_slot(to, where, err);
}

int smi_kvm_slot_check_range(const struct smudge_kvm_slot *slot,
			     const struct smudge_source_range *range,
			     const char *where, struct smudge_error *err)
{
	uint64_t bytes = range->npages << range->page_shift;
	uint64_t slot_bytes = slot->size_bytes;
	int ret;

	ret = smi_range_check_hva(range, where, err);
	if (ret < 0)
		return ret;
	if (bytes < slot_bytes || (bytes - slot_bytes) >> range->page_shift)
		return smudge_error_set(
			err, -EINVAL, where,
			"slot %u has %llu bytes, but is attached to %llu",
			slot->slot, (unsigned long long)slot_bytes,
			(unsigned long long)bytes);
	if (range->hva != slot->hva && range->gpa != slot->gpa)
		return smudge_error_set(
			err, -EINVAL, where,
			"slot %u is attached to pages it does not map",
			slot->slot);
	return 0;
}

int smi_kvm_slot_log(int vm_fd, const struct smudge_kvm_slot *slot, bool on)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot->slot,
		.flags = slot->flags | (on ? KVM_MEM_LOG_DIRTY_PAGES : 0),
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size_bytes,
		.userspace_addr = (uintptr_t)slot->hva,
	};

	return ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno
								     : 0;
}
