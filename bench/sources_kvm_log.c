/* SPDX-License-Identifier: MIT */
/*
 * KVM's log by hand: KVM_GET_DIRTY_LOG and a plain merge; where protection is
 * manual, one KVM_CLEAR_DIRTY_LOG of all that was fetched.
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include "sources_bits.h"
#include "sources_kvm.h"

struct bare {
	struct bench_guest guest;
	bool is_manual;
	struct sources_bits got, dirty;
};

void sources_kvm_log_slot(const struct bench_guest *guest, bool is_on)
{
	struct kvm_userspace_memory_region region = {
		.slot = BENCH_GUEST_SLOT,
		.flags = is_on ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = BENCH_GUEST_GPA,
		.memory_size = guest->ram_bytes,
		.userspace_addr = (uintptr_t)guest->ram,
	};

	sources_must(ioctl(guest->vm_fd, KVM_SET_USER_MEMORY_REGION, &region),
		     "KVM_SET_USER_MEMORY_REGION");
}

static int choose_manual(void *opaque, int vm_fd, struct smudge_error *err)
{
	const struct bare *bare = opaque;
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args = {KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE |
			 KVM_DIRTY_LOG_INITIALLY_SET},
	};

	if (!bare->is_manual || ioctl(vm_fd, KVM_ENABLE_CAP, &cap) == 0)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, "guest",
				"KVM refuses manual protection");
}

static void *bare_open(const struct sources_ram *ram, bool is_manual,
		       struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));
	const struct bench_guest_hooks hooks = {.choose_log = choose_manual,
						.opaque = bare};

	bare->is_manual = is_manual;
	if (bench_guest_open(&bare->guest, ram->bytes,
			     ram->npages * SOURCES_PAGE, &hooks, err) < 0) {
		free(bare);
		return NULL;
	}
	sources_bits_open(&bare->got, ram->npages);
	sources_bits_open(&bare->dirty, ram->npages);
	sources_kvm_write(&bare->guest, ram->npages, 1);
	return bare;
}

static void *legacy_open(const struct sources_ram *ram,
			 struct smudge_error *err)
{
	return bare_open(ram, false, err);
}

static void *manual_open(const struct sources_ram *ram,
			 struct smudge_error *err)
{
	return bare_open(ram, true, err);
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	bench_guest_close(&bare->guest);
	free(bare->got.words);
	free(bare->dirty.words);
	free(bare);
}

static void get_log(struct bare *bare)
{
	struct kvm_dirty_log get = {.slot = BENCH_GUEST_SLOT,
				    .dirty_bitmap = bare->got.words};

	sources_must(ioctl(bare->guest.vm_fd, KVM_GET_DIRTY_LOG, &get),
		     "KVM_GET_DIRTY_LOG");
}

/* All that was fetched. */
static void clear_log(void *side)
{
	struct bare *bare = side;
	struct kvm_clear_dirty_log clear = {
		.slot = BENCH_GUEST_SLOT,
		.num_pages = (uint32_t)(bare->guest.ram_bytes / SOURCES_PAGE),
		.dirty_bitmap = bare->got.words,
	};

	sources_must(ioctl(bare->guest.vm_fd, KVM_CLEAR_DIRTY_LOG, &clear),
		     "KVM_CLEAR_DIRTY_LOG");
}

static void bare_arm(void *side)
{
	struct bare *bare = side;

	sources_kvm_log_slot(&bare->guest, true);
	get_log(bare);
	if (bare->is_manual)
		clear_log(bare);
}

static void bare_stop(void *side)
{
	sources_kvm_log_slot(&((struct bare *)side)->guest, false);
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	sources_kvm_write(&((struct bare *)side)->guest, npages, stride);
}

static void bare_harvest(void *side)
{
	struct bare *bare = side;

	get_log(bare);
	sources_bits_merge(&bare->dirty, &bare->got);
}

static uint64_t bare_found(void *side)
{
	return sources_bits_count(&((struct bare *)side)->dirty);
}

const struct sources_side sources_kvm_bare_legacy = {
	.open = legacy_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
};

const struct sources_side sources_kvm_bare_manual = {
	.open = manual_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = bare_harvest,
	.found = bare_found,
	.take = clear_log,
};
