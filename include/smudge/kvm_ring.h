/* SPDX-License-Identifier: MIT */
/*
 * KVM's dirty rings: a source whose cost follows the writes, not the memory.
 *
 * Each virtual CPU has a ring that it shares with the kernel, and an entry per
 * page that it wrote first since the page was armed. The rings of a VM are one
 * hub (hub.h): a harvest or look of one slot's source drains the rings of all
 * vCPUs, and what it finds of other slots stays pending for their sources.
 * vCPUs may run meanwhile.
 *
 * A VM has either rings or the log (smudge_kvm_create), for all of its life.
 *
 *	make the VM; smudge_kvm_ring_create
 *	make slots and vCPUs; for each vCPU, before it runs:
 *		smudge_kvm_ring_add_vcpu
 *	for each slot: smudge_kvm_ring_slot, smudge_region_attach
 *	each vCPU's thread: KVM_RUN; at KVM_EXIT_DIRTY_RING_FULL
 *		smudge_kvm_ring_full, and KVM_RUN again
 *
 * LATE REPORTS. Where the processor keeps a log of its own (PML), writes are in
 * the ring once the vCPU has left the guest. So harvest once more after the
 * vCPUs have left it, as a migration does.
 *
 * LOOKS. The sources have a look. As each source of a hub, they re-arm in
 * every collect and keep what was not harvested as pending, so pages that a
 * look reported are reported by each look and by the next harvest. I/O into
 * pinned pages is not detected at all: the program marks it.
 *
 * LOST ENTRIES. A KVM that lets the guest write further while its ring is full
 * overwrites entries. This is detected, and nothing is lost: every page of
 * every running source is armed again and reported, and overflows of the
 * statistics counts it. Larger rings make it rare.
 *
 * SIGNALS. Linux gives KVM_RESET_DIRTY_RINGS up when a signal is pending (since
 * 6.16), and may leave pages unarmed then. So all signals of the thread are
 * blocked for the time of that call, a moment. What cannot be blocked (work of
 * io_uring, a stop by SIGSTOP, a debugger or a freezer) is noticed, and every
 * page is armed again and reported; but not in the last moment of the call. So
 * harvest, and call smudge_kvm_ring_full, in threads that use no io_uring, or
 * one with IORING_SETUP_DEFER_TASKRUN.
 */
#ifndef SMUDGE_KVM_RING_H
#define SMUDGE_KVM_RING_H

#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_kvm_ring_options {
	size_t size; /* sizeof(struct smudge_kvm_ring_options) */
	int vm_fd;   /* KVM VM descriptor; duplicated */
	/*
	 * Of each vCPU's ring: a power of two, or 0: as many as KVM allows.
	 * KVM refuses less than a page of entries (256), and fewer than the 64
	 * that it reserves, or 576 where the processor logs by itself (PML).
	 */
	uint32_t nentries;
};

/* The rings of one VM. */
struct smudge_kvm_ring;
/* One vCPU's ring. */
struct smudge_kvm_ring_vcpu;

/*
 * smudge_kvm_ring_create - make a VM log dirty pages in rings
 * @options: copied
 * @ret: receives the handle, owned by the caller
 * @err: receives the failure, which names what the kernel lacks; may be NULL
 *
 * Enables KVM_CAP_DIRTY_LOG_RING_ACQ_REL (Linux 6.1) or KVM_CAP_DIRTY_LOG_RING
 * (5.11) on the VM, before it has a vCPU. It also turns
 * KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 off, with which rings miss writes. Where
 * the kernel has KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP (arm64, 6.2), it is enabled
 * too, before the VM has a slot, and each collect reads that bitmap as well.
 * Each vCPU's ring costs 16 bytes per entry of the kernel's memory.
 * Blocks: no. Threads: any.
 * State after failure: the VM may have its rings already; make another VM.
 * Return: 0, -EINVAL (options; or KVM refuses: the VM has rings or a vCPU, or
 * a slot where the bitmap is needed, or the rings are too small), -E2BIG (the
 * options have fields that this library does not know), -EBADF, -EOPNOTSUPP
 * (this kernel has no dirty rings), -ENOMEM, -EMFILE, or KVM's error.
 */
int smudge_kvm_ring_create(const struct smudge_kvm_ring_options *options,
			   struct smudge_kvm_ring **ret,
			   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_kvm_ring_destroy - drop the handle
 * @ring: may be NULL; invalid for the caller afterwards
 *
 * Its sources continue, and the last one frees it. Remove the vCPUs before: the
 * rest of the rings is not drained any more.
 * Blocks: on the hub's lock. Threads: no other call may use @ring or a vCPU of
 * it.
 */
void smudge_kvm_ring_destroy(struct smudge_kvm_ring *ring);

/*
 * smudge_kvm_ring_add_vcpu - drain the ring of a vCPU too
 * @ring: handle of its VM
 * @vcpu_fd: vCPU descriptor; used during the call only
 * @ret: receives the vCPU's ring, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Before the vCPU first runs, also while sources and other vCPUs run: what a
 * vCPU writes that was not added is not reported. Once per vCPU.
 * Blocks: on a drain of the rings. Threads: any.
 * Return: 0, -ENOMEM, or the error of mapping the ring (-EINVAL, -EBADF,
 * -ENODEV: no vCPU of such a VM).
 */
int smudge_kvm_ring_add_vcpu(struct smudge_kvm_ring *ring, int vcpu_fd,
			     struct smudge_kvm_ring_vcpu **ret,
			     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 3);

/*
 * smudge_kvm_ring_remove_vcpu - forget a vCPU that runs no more
 * @vcpu: may be NULL; invalid for the caller afterwards
 *
 * Drains the rings first, so that nothing it wrote is lost. If that fails, all
 * pages of all running sources become dirty.
 * Blocks: on the hub's lock and a drain. Threads: no other call may use @vcpu;
 * none of the library's operations.
 */
void smudge_kvm_ring_remove_vcpu(struct smudge_kvm_ring_vcpu *vcpu);

/*
 * smudge_kvm_ring_full - make room after KVM_EXIT_DIRTY_RING_FULL
 * @vcpu: the vCPU that left the guest for this reason, and only for it
 * @err: receives the failure; may be NULL
 *
 * Drains all rings; nothing is lost by it. Then the vCPU can run again; if it
 * leaves with the same reason again, call this again. After a failure too: all
 * pages are dirty then, and the ring may still be full.
 * Blocks: on the hub's lock, for the time of other threads' drains, and on a
 * drain; never on a harvest's merge. Threads: the vCPU's own, with no lock
 * held that an operation of a source may wait for.
 * Return: 0, -EIO (KVM does not reset the rings), or KVM's error.
 */
int smudge_kvm_ring_full(struct smudge_kvm_ring_vcpu *vcpu,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_kvm_ring_slot - the source of one memory slot
 * @ring: handle of its VM; the source keeps a share of it
 * @slot: copied; the slot exists before the source is started
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Start and stop switch KVM_MEM_LOG_DIRTY_PAGES of the slot and change nothing
 * else of it. Attach the source to the pages of the region that the slot maps.
 * Detach it before the slot is deleted, moved, made again or given other flags:
 * KVM logs it no more then, so writes are lost, which no call with rings would
 * say; and a stop would move it back. The source detects what vCPUs write. What
 * the program writes, including I/O of its devices, the program marks
 * afterwards. The slot's pages have the host's page size.
 * Blocks: on the hub's lock. Threads: any.
 * Return: 0, -EINVAL (@slot; its address space is above 1), -E2BIG (@slot has
 * fields that this library does not know), -ENOMEM.
 * Start: also -EINVAL (attached to a range of another size or address than the
 * slot's), -EBUSY (another source tracks the slot), -ENOENT (the slot does not
 * exist), -ENOMEM, KVM's errors.
 * Harvest and look: -EIO (KVM does not reset the rings), -ENOENT (the slot was
 * deleted, and all had to be armed again), -ENOMEM, KVM's errors.
 */
int smudge_kvm_ring_slot(struct smudge_kvm_ring *ring,
			 const struct smudge_kvm_slot *slot,
			 struct smudge_source **ret,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

struct smudge_kvm_ring_stats {
	size_t size;	   /* sizeof(struct smudge_kvm_ring_stats) */
	uint64_t nentries; /* of each vCPU's ring */
	uint64_t entries;  /* that were fetched */
	uint64_t ignored;  /* of them, those of slots without a source */
	uint64_t resets;   /* calls of KVM_RESET_DIRTY_RINGS */
	uint64_t full;	   /* calls of smudge_kvm_ring_full */
	/* KVM overwrote entries: everything was armed and reported again */
	uint64_t overflows;
};

/*
 * smudge_kvm_ring_stats - read the statistics of the rings
 * @ring: handle
 * @stats: size is set by the caller; fields beyond it are not written
 *
 * Blocks: on a drain of the rings. Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_kvm_ring_stats(struct smudge_kvm_ring *ring,
			  struct smudge_kvm_ring_stats *stats)
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
