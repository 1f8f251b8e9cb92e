/* SPDX-License-Identifier: MIT */
/*
 * The slots of the dirty rings: each is a member of the hub. Start and stop
 * switch its logging; the rings themselves live as long as their vCPUs, so
 * entries of an earlier run may still be in them, and are reported too.
 *
 * A slot's id comes from the memory that the kernel shares, and is an index
 * into a table of all ids there can be. Pages beyond the slot are ignored by
 * smudge_hub_post.
 */
#include "source/kvm_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "source/kvm_exists.h"
#include "source/kvm_slot.h"

static int log_failed(const struct smi_kvm_ring_slot *slot, int code,
		      struct smudge_error *err)
{
	return smudge_error_set(err, code, SMI_KVM_RING,
				"KVM refuses to log dirty pages of slot %u: %s",
				slot->slot.slot, strerror(-code));
}

/* The program may have deleted it. */
static int check_exists(const struct smi_kvm_ring_slot *slot,
			struct smudge_error *err)
{
	return smi_kvm_check_exists(slot->handle->vm_fd, &slot->slot,
				    SMI_KVM_RING, err);
}

/* The kernel writes whole words of 64 bits. */
static int allocate_words(struct smi_kvm_ring_slot *slot,
			  struct smudge_error *err)
{
	if (!slot->handle->has_bitmap)
		return 0;
	slot->words = calloc((size_t)((slot->npages + 63) / 64),
			     sizeof(*slot->words));
	if (!slot->words)
		return smudge_error_set(err, -ENOMEM, SMI_KVM_RING,
					"out of memory");
	return 0;
}

static void add_running(struct smi_kvm_ring_slot *slot)
{
	struct smudge_kvm_ring *handle = slot->handle;

	handle->slots[slot->slot.slot] = slot;
	slot->next = handle->running;
	handle->running = slot;
}

static void remove_running(struct smi_kvm_ring_slot *slot)
{
	struct smudge_kvm_ring *handle = slot->handle;
	struct smi_kvm_ring_slot **link = &handle->running;

	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;
	handle->slots[slot->slot.slot] = NULL;
}

int smi_kvm_ring_start(void *opaque, void *slot_opaque,
		       const struct smudge_source_range *range,
		       struct smudge_error *err)
{
	struct smudge_kvm_ring *handle = opaque;
	struct smi_kvm_ring_slot *slot = slot_opaque;
	int ret =
		smi_kvm_slot_check_range(&slot->slot, range, SMI_KVM_RING, err);

	if (ret < 0)
		return ret;
	if (handle->slots[slot->slot.slot])
		return smudge_error_set(err, -EBUSY, SMI_KVM_RING,
					"slot %u is tracked by another source",
					slot->slot.slot);
	ret = check_exists(slot, err);
	if (ret == 0)
		ret = allocate_words(slot, err);
	if (ret < 0)
		return ret;
	ret = smi_kvm_slot_log(handle->vm_fd, &slot->slot, true);
	if (ret < 0) {
		free(slot->words);
		slot->words = NULL;
		return log_failed(slot, ret, err);
	}
	add_running(slot);
	return 0;
}

void smi_kvm_ring_stop(void *opaque, void *slot_opaque)
{
	struct smi_kvm_ring_slot *slot = slot_opaque;

	remove_running(slot);
	if (check_exists(slot, NULL) == 0)
		smi_kvm_slot_log(slot->handle->vm_fd, &slot->slot, false);
	free(slot->words);
	slot->words = NULL;
}

void smi_kvm_ring_leave(void *opaque, void *slot_opaque)
{
	free(slot_opaque);
}

/* KVM arms all pages of a slot as its logging is switched on. */
static int arm_all(struct smi_kvm_ring_slot *slot, struct smudge_error *err)
{
	int vm_fd = slot->handle->vm_fd;
	int ret = check_exists(slot, err);

	if (ret < 0)
		return ret;
	ret = smi_kvm_slot_log(vm_fd, &slot->slot, false);
	if (ret == 0)
		ret = smi_kvm_slot_log(vm_fd, &slot->slot, true);
	return ret < 0 ? log_failed(slot, ret, err) : 0;
}

int smi_kvm_ring_start_over(struct smudge_kvm_ring *handle,
			    struct smudge_error *err)
{
	for (struct smi_kvm_ring_slot *s = handle->running; s; s = s->next) {
		int ret = arm_all(s, err);

		if (ret < 0)
			return ret;
		smudge_hub_post(s->member, 0, s->npages);
	}
	handle->must_start_over = false;
	return 0;
}

static void post_word(const struct smi_kvm_ring_slot *slot, uint64_t page,
		      uint64_t word)
{
	for (; word; word &= word - 1)
		smudge_hub_post(slot->member,
				page + (uint64_t)__builtin_ctzll(word), 1);
}

/* KVM_GET_DIRTY_LOG fetches, clears and arms in one, then they are posted. */
static int read_bitmap(struct smi_kvm_ring_slot *slot, struct smudge_error *err)
{
	struct kvm_dirty_log get = {
		.slot = slot->slot.slot,
		.dirty_bitmap = slot->words,
	};
	int ret;

	if (ioctl(slot->handle->vm_fd, KVM_GET_DIRTY_LOG, &get) < 0) {
		ret = -errno;
		return smudge_error_set(
			err, ret, SMI_KVM_RING,
			"KVM_GET_DIRTY_LOG of slot %u fails: %s",
			slot->slot.slot, strerror(-ret));
	}
	for (uint64_t page = 0; page < slot->npages; page += 64)
		post_word(slot, page, slot->words[page / 64]);
	return 0;
}

int smi_kvm_ring_read_bitmaps(struct smudge_kvm_ring *handle,
			      struct smudge_error *err)
{
	int ret = 0;

	for (struct smi_kvm_ring_slot *s = handle->running; s && ret == 0;
	     s = s->next)
		ret = read_bitmap(s, err);
	return ret;
}

static int check_space(const struct smudge_kvm_slot *slot,
		       struct smudge_error *err)
{
	if (slot->slot < SMI_KVM_RING_NSLOTS)
		return 0;
	return smudge_error_set(err, -EINVAL, SMI_KVM_RING,
				"slot %u has no address space of KVM's",
				slot->slot);
}

static int join(struct smi_kvm_ring_slot *slot,
		struct smudge_source **ret_source, struct smudge_error *err)
{
	const struct smudge_hub_member_options options = {
		.size = sizeof(options),
		.npages = slot->npages,
		.page_shift = smi_kvm_page_shift(),
		.opaque = slot,
	};

	return smudge_hub_join(slot->handle->hub, &options, ret_source,
			       &slot->member, err);
}

int smudge_kvm_ring_slot(struct smudge_kvm_ring *handle,
			 const struct smudge_kvm_slot *options,
			 struct smudge_source **ret_source,
			 struct smudge_error *err)
{
	struct smudge_kvm_slot own;
	struct smi_kvm_ring_slot *slot;
	int ret;

	smudge_error_clear(err);
	ret = smi_kvm_slot_copy(&own, options, SMI_KVM_RING, err);
	if (ret == 0)
		ret = check_space(&own, err);
	if (ret < 0)
		return ret;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return smudge_error_set(err, -ENOMEM, SMI_KVM_RING,
					"out of memory");
	slot->handle = handle;
	slot->slot = own;
	slot->npages = own.size_bytes >> smi_kvm_page_shift();
	ret = join(slot, ret_source, err);
	if (ret < 0)
		free(slot);
	return ret;
}
