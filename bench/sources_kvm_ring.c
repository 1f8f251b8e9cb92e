/* SPDX-License-Identifier: MIT */
/*
 * KVM's rings by hand: walk the entries of the only vCPU, set the pages' bits,
 * and reset.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#include "bench_program.h"
#include "sources_bits.h"
#include "sources_kvm.h"

struct bare {
	struct bench_guest guest;
	struct kvm_dirty_gfn *entries;
	uint64_t nentries;
	uint64_t next; /* entry to fetch */
	struct sources_bits dirty;
};

/* As large as KVM allows. */
static int choose_ring(void *opaque, int vm_fd, struct smudge_error *err)
{
	struct bare *bare = opaque;
	struct kvm_enable_cap cap = {.cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL};
	int bytes = ioctl(vm_fd, KVM_CHECK_EXTENSION, cap.cap);

	if (bytes <= 0) {
		cap.cap = KVM_CAP_DIRTY_LOG_RING;
		bytes = ioctl(vm_fd, KVM_CHECK_EXTENSION, cap.cap);
	}
	cap.args[0] = (uint64_t)bytes;
	bare->nentries = (uint64_t)bytes / sizeof(struct kvm_dirty_gfn);
	if (bytes > 0 && ioctl(vm_fd, KVM_ENABLE_CAP, &cap) == 0)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, "guest",
				"KVM refuses dirty rings");
}

static void harvest(void *side)
{
	struct bare *bare = side;
	uint64_t mask = bare->nentries - 1;

	for (;;) {
		struct kvm_dirty_gfn *entry = &bare->entries[bare->next & mask];
		_Atomic uint32_t *flags = (_Atomic uint32_t *)&entry->flags;

		/* Acquire: pairs with the kernel's release of the entry. */
		if (atomic_load_explicit(flags, memory_order_acquire) !=
		    KVM_DIRTY_GFN_F_DIRTY)
			break;
		if ((uint16_t)entry->slot == BENCH_GUEST_SLOT)
			sources_bits_set(&bare->dirty, entry->offset);
		/* Release: the kernel may use the entry again. */
		atomic_store_explicit(flags, KVM_DIRTY_GFN_F_RESET,
				      memory_order_release);
		bare->next++;
	}
	sources_must(ioctl(bare->guest.vm_fd, KVM_RESET_DIRTY_RINGS, 0),
		     "KVM_RESET_DIRTY_RINGS");
}

static int ring_full(void *opaque)
{
	harvest(opaque);
	return 0;
}

static void map_ring(struct bare *bare)
{
	void *at = mmap(NULL, bare->nentries * sizeof(*bare->entries),
			PROT_READ | PROT_WRITE, MAP_SHARED, bare->guest.vcpu_fd,
			KVM_DIRTY_LOG_PAGE_OFFSET * (off_t)SOURCES_PAGE);

	sources_must(at == MAP_FAILED ? -1 : 0, "a vCPU's ring");
	bare->entries = at;
}

static void *bare_open(const struct sources_ram *ram, struct smudge_error *err)
{
	struct bare *bare = sources_alloc(sizeof(*bare));
	const struct bench_guest_hooks hooks = {.choose_log = choose_ring,
						.ring_full = ring_full,
						.opaque = bare};

	if (bench_guest_open(&bare->guest, ram->bytes,
			     ram->npages * SOURCES_PAGE, &hooks, err) < 0) {
		free(bare);
		return NULL;
	}
	map_ring(bare);
	sources_bits_open(&bare->dirty, ram->npages);
	sources_kvm_write(&bare->guest, ram->npages, 1);
	return bare;
}

static void bare_close(void *side)
{
	struct bare *bare = side;

	munmap(bare->entries, bare->nentries * sizeof(*bare->entries));
	bench_guest_close(&bare->guest);
	free(bare->dirty.words);
	free(bare);
}

static void bare_arm(void *side)
{
	sources_kvm_log_slot(&((struct bare *)side)->guest, true);
}

static void bare_stop(void *side)
{
	struct bare *bare = side;

	sources_kvm_log_slot(&bare->guest, false);
	harvest(bare);
	sources_bits_count(&bare->dirty);
}

static void bare_write(void *side, uint64_t npages, uint64_t stride)
{
	sources_kvm_write(&((struct bare *)side)->guest, npages, stride);
}

static uint64_t bare_found(void *side)
{
	return sources_bits_count(&((struct bare *)side)->dirty);
}

const struct sources_side sources_kvm_bare_ring = {
	.open = bare_open,
	.close = bare_close,
	.arm = bare_arm,
	.stop = bare_stop,
	.write = bare_write,
	.harvest = harvest,
	.found = bare_found,
};
