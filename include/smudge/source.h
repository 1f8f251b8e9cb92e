/* SPDX-License-Identifier: MIT */
/*
 * A source: a mechanism that detects which pages were written.
 *
 * Built in are KVM's dirty log (smudge_kvm_log_create) and userfaultfd's
 * asynchronous write-protection (smudge_uffd_create). A program may have
 * sources of its own (source_ops.h, and hub.h for a mechanism that detects for
 * several). A source is attached to a range of a region; several may feed one
 * region, even the same pages.
 */
#ifndef SMUDGE_SOURCE_H
#define SMUDGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memory.h"
#include "source_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * smudge_region_attach - let a source report about a range of a region
 * @region: region (borrowed)
 * @source: borrowed; attached nowhere yet; destroying it detaches it
 * @first_page, @npages: range of the region, in its pages, that the source
 *      covers; @npages 0 means to the end
 * @err: receives the first failure; may be NULL
 *
 * If a client watches the region, the source is started and its range is
 * dirty for every client. Blocks: on the locks and the source's start.
 * Threads: any.
 * State after failure: not attached.
 * Return: 0, -EINVAL (range outside the region), -EBUSY (source is attached),
 * -EOPNOTSUPP (the source has no look, and a client of the region lets only
 * quiesced harvests re-arm), -ENOMEM, or the error of the source's start (-EIO
 * if that returned what it may not return).
 */
int smudge_region_attach(struct smudge_region *region,
			 struct smudge_source *source, uint64_t first_page,
			 uint64_t npages, struct smudge_error *err);

/*
 * smudge_source_detach - harvest a last time, stop, and detach
 * @source: attached source (borrowed); not attached is a no-op
 * @err: receives the failure of the last harvest; may be NULL
 *
 * Call it before the mechanism goes away (a memory slot is deleted, a
 * mapping unmapped): the last bits are in there. Blocks: on the locks and
 * the source's harvest and stop. Threads: any.
 * Return: 0, or the last harvest's error: its range is dirty for every client
 * then, and the source detached all the same.
 */
int smudge_source_detach(struct smudge_source *source,
			 struct smudge_error *err);

/*
 * smudge_source_destroy - free a source
 * @source: may be NULL; detached first if it is attached
 *
 * Blocks: as smudge_source_detach. Threads: no other call may use @source.
 */
void smudge_source_destroy(struct smudge_source *source);

/* What one source cost. Totals since it was created. */
struct smudge_source_stats {
	size_t size; /* set by the caller: sizeof */
	const char *name;
	uint64_t harvests;
	uint64_t harvest_ns;
	uint64_t harvest_errors;  /* of looks too */
	uint64_t harvested_pages; /* in pages of its region */
	uint64_t rearms;
	uint64_t rearm_ns;
	uint64_t looks;
	uint64_t look_ns;
	uint64_t looked_pages; /* in pages of its region */
	/* In pages of its region, part of harvested and looked pages: */
	uint64_t dropped_pages; /* whose content was dropped */
	uint64_t unsure_pages;	/* whose content may have been dropped */
};

/*
 * smudge_source_stats - read the statistics of a source
 * @source: source (borrowed)
 * @stats: size is set by the caller; fields beyond it are not written
 *
 * Blocks: on the locks. Threads: any.
 * Return: 0, -EINVAL (size is smaller than the first version's).
 */
int smudge_source_stats(struct smudge_source *source,
			struct smudge_source_stats *stats);

/* ---- userfaultfd ------------------------------------------------------ */

/*
 * smudge_uffd_create - track any memory of this process
 * @ret: receives the source, owned by the caller
 * @err: receives the failure, which names what the kernel lacks; may be NULL
 *
 * UFFD_FEATURE_WP_ASYNC with PAGEMAP_SCAN (Linux 6.7). Sees every store
 * through this process's page tables, by kernel code too (read(2), KVM);
 * it does not see writes through another mapping of the same file or shared
 * memory. A page that is pinned (O_DIRECT, AIO, io_uring, process_vm_writev,
 * /proc/PID/mem, a device) is reported as it is pinned, not as it is written:
 * memory.h, PINNED I/O, has the two rules that make it right. Host pages; huge
 * pages of hugetlbfs are reported whole. The memory is registered while the
 * source runs, from the region's hva; it must not be remapped meanwhile. It
 * has a look.
 *
 * Content that is dropped, not written (smudge_region_discard marks it, and
 * needs none of the following):
 *
 *   private anonymous memory: every page that is dropped is reported.
 *   private mapping of a file or memfd: a page that this process had stored to
 *      is reported when it is the file's again (MADV_DONTNEED, ftruncate), also
 *      if it was read since. Without CAP_SYS_ADMIN as the source starts, a
 *      dropped page and one in swap look the same: both are reported, by every
 *      harvest until they are touched. Not reported is what changes in the
 *      file, in pages that show the file: write(2), another mapping's store,
 *      ftruncate, fallocate(FALLOC_FL_PUNCH_HOLE).
 *   shared memory: a page is reported when it was mapped here at the last
 *      harvest and is not any more, or is not resident any more (mincore)
 *      since it was mapped here, or was resident as the source started:
 *      MADV_REMOVE, fallocate(FALLOC_FL_PUNCH_HOLE), ftruncate; for nothing
 *      also MADV_DONTNEED, MADV_PAGEOUT, reclaim. Not reported: what is dropped
 *      and read again here before the next harvest, or brought to memory again
 *      by others if it was not mapped here at the last one; what only others
 *      brought to memory since the start; in a file that is another user's and
 *      that this process may not write, what was unmapped first.
 *   hugetlbfs: as these two, and not reported: fallocate and MADV_REMOVE of a
 *      page that was not mapped at the last harvest, MADV_DONTNEED and a read
 *      of private memory. What was stored to and dropped between two harvests
 *      is reported by every harvest until it is touched.
 *
 * All such sources of a process share one userfaultfd, and a page is tracked by
 * one of them at a time. A child of fork(2) may destroy a source that it
 * inherited, and nothing else; the parent's tracking continues.
 *
 * Blocks: no. Threads: any.
 * Return: 0, -ENOSYS (no userfaultfd or no PAGEMAP_SCAN), -EOPNOTSUPP (no
 * WP_ASYNC), -EPERM (not allowed to use it), -EIO (the kernel reports other
 * pages than were written), -ESRCH (the process's first thread has ended, and
 * /proc/self with it), -EMFILE, -ENFILE, -ENOMEM.
 * Start: also -EBUSY (tracked by another source of this kind, or registered
 * with a userfaultfd of the program's), -EINVAL (a mapping that cannot be
 * registered), -ENOMEM (a hole in the range), -ENOENT, -EPERM (/proc/self/maps
 * cannot be read, so the kinds of memory are unknown).
 * Harvest and look: -EPERM (memory was remapped; or called in a child of the
 * process that started the source), -ENOMEM, -EIO.
 */
int smudge_uffd_create(struct smudge_source **ret, struct smudge_error *err);

/* ---- KVM's dirty log -------------------------------------------------- */

enum smudge_kvm_log_mode {
	/* the best the kernel has */
	SMUDGE_KVM_LOG_AUTO = 0,
	/* KVM_GET_DIRTY_LOG fetches, clears and re-protects in one */
	SMUDGE_KVM_LOG_LEGACY = 1,
	/* KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: re-protected as pages are taken */
	SMUDGE_KVM_LOG_MANUAL = 2,
};

struct smudge_kvm_options {
	size_t size; /* sizeof(struct smudge_kvm_options) */
	int vm_fd;   /* KVM VM descriptor; duplicated */
	enum smudge_kvm_log_mode mode;
};

/* The dirty logging of one VM: its mode is the VM's, not a slot's. */
struct smudge_kvm;

/*
 * smudge_kvm_create - choose how a VM logs dirty pages
 * @options: copied
 * @ret: receives the handle, owned by the caller
 * @err: receives the failure, which names what the kernel lacks; may be NULL
 *
 * Enables or disables KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 on the VM (with
 * KVM_DIRTY_LOG_INITIALLY_SET where there is), so there is one such handle per
 * VM, made before any slot logs.
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (options), -EBADF, -EOPNOTSUPP (the mode asked for is not
 * in this kernel), -ENOMEM, -EMFILE, or KVM's error.
 */
int smudge_kvm_create(const struct smudge_kvm_options *options,
		      struct smudge_kvm **ret, struct smudge_error *err);

/*
 * smudge_kvm_destroy - drop the handle
 * @kvm: may be NULL; invalid for the caller afterwards
 *
 * Sources made from it go on, and the last one frees it.
 * Blocks: no. Threads: no other call may use @kvm.
 */
void smudge_kvm_destroy(struct smudge_kvm *kvm);

/* The mode in use, never AUTO. Threads: any. Blocks: no. */
enum smudge_kvm_log_mode smudge_kvm_mode(const struct smudge_kvm *kvm);

struct smudge_kvm_slot {
	size_t size;	     /* sizeof(struct smudge_kvm_slot) */
	uint32_t slot;	     /* slot id; address space in bits 16 to 31 */
	uint32_t flags;	     /* its flags without KVM_MEM_LOG_DIRTY_PAGES */
	uint64_t gpa;	     /* guest_phys_addr the slot was made with */
	uint64_t size_bytes; /* memory_size the slot was made with */
	void *hva;	     /* userspace_addr the slot was made with */
};

/*
 * smudge_kvm_log_create - the dirty log of one memory slot
 * @kvm: handle of its VM; the source keeps what it needs of it
 * @slot: copied; the slot exists before the source is started
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Start and stop switch KVM_MEM_LOG_DIRTY_PAGES of the slot, leaving the
 * rest of it alone. Attach it to the pages of the region that the slot maps;
 * its first page need not be a multiple of 64. Detach it before the slot is
 * deleted: the last bits are in there, and KVM makes a slot anew that is
 * switched after it was deleted. It detects what vCPUs write; what the program
 * writes, I/O of its devices included, is marked when it is done. In manual
 * mode the source has a look, in legacy mode it has none.
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (options), -ENOMEM.
 * Start: also -EINVAL (attached to a range of another size or address than
 * the slot's), -EBUSY (another source logs the slot), -ENOMEM, KVM's errors.
 * Harvest: KVM's errors. Re-arm: -EIO, from a take.
 */
int smudge_kvm_log_create(struct smudge_kvm *kvm,
			  const struct smudge_kvm_slot *slot,
			  struct smudge_source **ret, struct smudge_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
