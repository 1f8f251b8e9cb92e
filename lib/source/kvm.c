/* SPDX-License-Identifier: MIT */
/*
 * One virtual machine's way of logging dirty pages.
 *
 * In the kernel the mode belongs to the VM, so it is chosen here and not by the
 * sources of its slots. It is set even if it is the kernel's default: a second
 * handle must not inherit the first one's choice.
 */
#include "source/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "sys/log.h"
#include "sys/options.h"

#define WHERE "kvm"

static int check_options(const struct smudge_kvm_options *options,
			 struct smudge_error *err)
{
	if (options->mode != SMUDGE_KVM_LOG_AUTO &&
	    options->mode != SMUDGE_KVM_LOG_LEGACY &&
	    options->mode != SMUDGE_KVM_LOG_MANUAL)
		return smudge_error_set(err, -EINVAL, WHERE,
					"%d is no mode of logging",
					(int)options->mode);
	return 0;
}

/* The KVM_DIRTY_LOG_* bits the kernel offers, or -errno. */
static int manual_bits(int vm_fd, struct smudge_error *err)
{
	int bits = ioctl(vm_fd, KVM_CHECK_EXTENSION,
			 KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);

	if (bits < 0) {
		bits = -errno;
		smudge_error_set(err, bits, WHERE,
				 "the descriptor is no KVM virtual machine: %s",
				 strerror(-bits));
	}
	return bits;
}

static int set_manual(int vm_fd, unsigned int bits, struct smudge_error *err)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = {bits},
	};
	int ret;

	if (ioctl(vm_fd, KVM_ENABLE_CAP, &cap) >= 0)
		return 0;
	ret = -errno;
	return smudge_error_set(err, ret, WHERE,
				"KVM refuses to set "
				"KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 to %u: %s",
				bits, strerror(-ret));
}

static int choose_mode(struct smudge_kvm *kvm,
		       const struct smudge_kvm_options *options,
		       struct smudge_error *err)
{
	enum smudge_kvm_log_mode asked = options->mode;
	int has = manual_bits(kvm->vm_fd, err);
	unsigned int bits = 0;

	if (has < 0)
		return has;
	if (!(has & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)) {
		if (asked == SMUDGE_KVM_LOG_MANUAL)
			return smudge_error_set(
				err, -EOPNOTSUPP, WHERE,
				"this kernel has no "
				"KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 (Linux "
				"5.2)");
		if (asked == SMUDGE_KVM_LOG_AUTO)
			SMI_SYS_LOG(SMUDGE_LOG_INFO, WHERE,
				    "this kernel has no "
				    "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 (Linux "
				    "5.2): the legacy mode is used, where each "
				    "harvest re-arms and nothing can look");
		kvm->mode = SMUDGE_KVM_LOG_LEGACY;
		return 0;
	}
	kvm->mode = SMUDGE_KVM_LOG_LEGACY;
	if (asked != SMUDGE_KVM_LOG_LEGACY) {
		kvm->mode = SMUDGE_KVM_LOG_MANUAL;
		bits = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
		if (!options->arms_at_start)
			bits |= (unsigned int)has & KVM_DIRTY_LOG_INITIALLY_SET;
	}
	return set_manual(kvm->vm_fd, bits, err);
}

/*
 * Manual protection makes rings miss writes, and KVM allows it all the same. It
 * says whether it has rings before it looks for the slot.
 */
static int check_no_rings(int vm_fd, struct smudge_error *err)
{
	uint64_t word;
	struct kvm_dirty_log none = {.slot = UINT32_MAX, .dirty_bitmap = &word};

	if (ioctl(vm_fd, KVM_GET_DIRTY_LOG, &none) == 0 || errno != ENXIO)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"the VM uses dirty rings instead of the log "
				"(smudge_kvm_ring_create): take "
				"smudge_kvm_ring_slot, or another VM");
}

int smudge_kvm_create(const struct smudge_kvm_options *options,
		      struct smudge_kvm **ret_kvm, struct smudge_error *err)
{
	struct smudge_kvm_options own;
	struct smudge_kvm *kvm;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_sys_options_copy(&own, options,
				   SMI_SYS_SHAPE(smudge_kvm_options, mode),
				   WHERE, err);
	if (ret == 0)
		ret = check_options(&own, err);
	if (ret < 0)
		return ret;
	kvm = calloc(1, sizeof(*kvm));
	if (!kvm)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	pthread_mutex_init(&kvm->lock, NULL);
	kvm->nowners = 1;
	kvm->vm_fd = fcntl(own.vm_fd, F_DUPFD_CLOEXEC, 0);
	if (kvm->vm_fd < 0) {
		ret = -errno;
		smudge_error_set(err, ret, WHERE,
				 "cannot duplicate descriptor %d: %s",
				 own.vm_fd, strerror(-ret));
	} else {
		ret = check_no_rings(kvm->vm_fd, err);
		if (!ret)
			ret = choose_mode(kvm, &own, err);
	}
	if (ret < 0) {
		smudge_kvm_destroy(kvm);
		return ret;
	}
	*ret_kvm = kvm;
	return 0;
}

void smi_kvm_hold(struct smudge_kvm *kvm)
{
	pthread_mutex_lock(&kvm->lock);
	kvm->nowners++;
	pthread_mutex_unlock(&kvm->lock);
}

void smi_kvm_release(struct smudge_kvm *kvm)
{
	bool is_last;

	pthread_mutex_lock(&kvm->lock);
	is_last = --kvm->nowners == 0;
	pthread_mutex_unlock(&kvm->lock);
	if (!is_last)
		return;
	if (kvm->vm_fd >= 0)
		close(kvm->vm_fd);
	pthread_mutex_destroy(&kvm->lock);
	free(kvm);
}

void smudge_kvm_destroy(struct smudge_kvm *kvm)
{
	if (kvm)
		smi_kvm_release(kvm);
}

enum smudge_kvm_log_mode smudge_kvm_mode(const struct smudge_kvm *kvm)
{
	return kvm->mode;
}

int smi_kvm_slot_claim(struct smudge_kvm *kvm, struct smi_kvm_claim *claim)
{
	bool is_taken = false;

	pthread_mutex_lock(&kvm->lock);
	for (struct smi_kvm_claim *u = kvm->claims; u; u = u->next)
		is_taken |= u->slot == claim->slot;
	if (!is_taken) {
		claim->next = kvm->claims;
		kvm->claims = claim;
	}
	pthread_mutex_unlock(&kvm->lock);
	return is_taken ? -EBUSY : 0;
}

void smi_kvm_slot_release(struct smudge_kvm *kvm, struct smi_kvm_claim *claim)
{
	struct smi_kvm_claim **link = &kvm->claims;

	pthread_mutex_lock(&kvm->lock);
	while (*link != claim)
		link = &(*link)->next;
	*link = claim->next;
	pthread_mutex_unlock(&kvm->lock);
}
