/* SPDX-License-Identifier: MIT */
/*
 * A source: a mechanism that detects which pages were written.
 *
 * Built in are KVM's dirty log (smudge_kvm_log_create) and userfaultfd's
 * asynchronous write-protection (smudge_uffd_create). soft_dirty.h has one for
 * kernels before it, mprotect.h one for any kernel, vhost_log.h the log of
 * vhost back ends. A program may have sources of its own (source_ops.h, and
 * hub.h for a mechanism that detects for several). A source is attached to a
 * range of a region; several may feed one region, even the same pages.
 */
#ifndef SMUDGE_SOURCE_H
#define SMUDGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
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
 *      covers; @npages 0 means to the end, wherever smudge_region_resize moves
 *      it
 * @err: receives the first failure; may be NULL
 *
 * If a client watches the region, the source is started and its range is
 * dirty for every client. Blocks: on the locks and the source's start.
 * Threads: any.
 * State after failure: not attached.
 * Return: 0, -EINVAL (range outside the region), -EBUSY (source is attached),
 * -EOPNOTSUPP (the source has no look, and a client of the region lets only
 * quiesced harvests re-arm), -EPERM (in a child of fork: memory.h), -ENOMEM, or
 * the error of the source's start (-EIO if that returned what it may not
 * return).
 */
int smudge_region_attach(struct smudge_region *region,
			 struct smudge_source *source, uint64_t first_page,
			 uint64_t npages,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_source_detach - harvest a last time, stop, and detach
 * @source: attached source (borrowed); not attached is a no-op
 * @err: receives the failure of the last harvest; may be NULL
 *
 * Call it before the mechanism ends (a memory slot is deleted, a mapping
 * unmapped): the mechanism still holds the last bits. Blocks: on the locks and
 * the source's harvest and stop. Threads: any.
 * Return: 0, -EPERM (in a child), or the last harvest's error: then its range
 * is dirty for every client, and the source is detached all the same.
 */
int smudge_source_detach(struct smudge_source *source, struct smudge_error *err)
	SMUDGE_NONNULL(1);

/*
 * smudge_source_destroy - free a source
 * @source: may be NULL; detached first if it is attached
 *
 * Blocks: as smudge_source_detach. A child of fork(2) waits for no lock of a
 * region, and harvests nothing. Threads: no other call may use @source.
 */
void smudge_source_destroy(struct smudge_source *source);

/*
 * smudge_region_next_uncovered - the next run of pages that no source covers
 * @region: region (borrowed)
 * @first_page, @end_page: where to look, end exclusive; clamped to the region
 * @ret_run: receives the run
 *
 * What is written there becomes dirty by marks only. A program that expects
 * sources everywhere looks for such pages after it attached them, with 0 and
 * UINT64_MAX; uncovered_pages of smudge_memory_stats is their number.
 * Blocks: on the region's lock. Threads: any.
 * Return: true, or false when there is none.
 */
bool smudge_region_next_uncovered(struct smudge_region *region,
				  uint64_t first_page, uint64_t end_page,
				  struct smudge_run *ret_run)
	SMUDGE_NONNULL(1, 4);

/* What one source cost. Totals since it was created. */
struct smudge_source_stats {
	size_t size;	  /* set by the caller: sizeof */
	const char *name; /* valid while the source exists */
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
	uint64_t dropped_pages; /* their content was dropped */
	uint64_t unsure_pages;	/* their content may have been dropped */
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
			struct smudge_source_stats *stats) SMUDGE_NONNULL(1, 2);

/* ---- userfaultfd ------------------------------------------------------ */

/*
 * smudge_uffd_create - track any memory of this process
 * @ret: receives the source, owned by the caller
 * @err: receives the failure, which names what the kernel lacks; may be NULL
 *
 * UFFD_FEATURE_WP_ASYNC with PAGEMAP_SCAN (Linux 6.7). It detects every store
 * through this process's page tables, also by kernel code (read(2), KVM). It
 * does not detect writes through another mapping of the same file or shared
 * memory. A page that is pinned (O_DIRECT, AIO, io_uring, process_vm_writev,
 * /proc/PID/mem, a device) is reported when it is pinned, not when it is
 * written: memory.h, PINNED I/O, has the two rules that make it right. It
 * reports host pages; huge pages of hugetlbfs are reported whole. The memory at
 * the region's hva is registered while the source runs, and must not be
 * remapped meanwhile. The source has a look, and follows the region's end.
 *
 * Content that is dropped, not written (none of it matters where
 * smudge_region_discard drops the content, since that marks it):
 *
 *   private anonymous memory: every page that is dropped is reported.
 *   private mapping of a file or memfd: a page that this process had stored to
 *      is reported when it shows the file again (MADV_DONTNEED, ftruncate),
 *      also if it was read since. Without CAP_SYS_ADMIN when the source starts,
 *      a dropped page and one in swap look the same: every harvest reports both
 *      until they are touched. Not reported: changes of the file in pages that
 *      show the file, by write(2), another mapping's store, ftruncate,
 *      fallocate(FALLOC_FL_PUNCH_HOLE).
 *   shared memory: a page is reported when it was mapped here at the last
 *      harvest and no longer is; and when it is no longer resident (mincore)
 *      although it was mapped here once, or resident when the source started:
 *      MADV_REMOVE, fallocate(FALLOC_FL_PUNCH_HOLE), ftruncate; needlessly also
 *      MADV_DONTNEED, MADV_PAGEOUT, reclaim. Not reported: a page that is
 *      dropped and read again here before the next harvest, or made resident
 *      again by others if it was not mapped here at the last one; a page that
 *      only others made resident since the start; in a file that belongs to
 *      another user and that this process may not write, a page that was
 *      unmapped first.
 *   hugetlbfs: like these two. Also not reported: fallocate and MADV_REMOVE of
 *      a page that was not mapped at the last harvest, MADV_DONTNEED and then a
 *      read of private memory. A page that was stored to and dropped between
 *      two harvests is reported by every harvest until it is touched.
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
 * cannot be read, so the kinds of memory are unknown). Its growth, as the
 * region's end moves: the same.
 * Harvest and look: -EPERM (memory was remapped; or called in a child of the
 * process that started the source), -ENOMEM, -EIO.
 */
int smudge_uffd_create(struct smudge_source **ret,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

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
	/*
	 * In manual mode: when a slot's logging starts, all its pages are armed
	 * at once, instead of each when it is taken (no
	 * KVM_DIRTY_LOG_INITIALLY_SET). For a client that skips all memory
	 * before the machine runs, as after a restore: a start takes a tenth
	 * of what the skip takes otherwise. While a large machine runs such a
	 * start stops it for longer.
	 */
	bool arms_at_start;
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
 * KVM_DIRTY_LOG_INITIALLY_SET if the kernel has it, without arms_at_start). So
 * a VM has one such handle, created before any slot logs.
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (options; the VM has dirty rings, which miss writes when
 * its log is set), -E2BIG (the options have fields that this library does not
 * know), -EBADF, -EOPNOTSUPP (the mode asked for is not in this kernel),
 * -ENOMEM, -EMFILE, or KVM's error.
 */
int smudge_kvm_create(const struct smudge_kvm_options *options,
		      struct smudge_kvm **ret,
		      struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_kvm_destroy - drop the handle
 * @kvm: may be NULL; invalid for the caller afterwards
 *
 * Sources made from it continue, and the last one frees it.
 * Blocks: no. Threads: no other call may use @kvm.
 */
void smudge_kvm_destroy(struct smudge_kvm *kvm);

/* The mode in use, never AUTO. Threads: any. Blocks: no. */
enum smudge_kvm_log_mode smudge_kvm_mode(const struct smudge_kvm *kvm)
	SMUDGE_NONNULL(1);

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
 * @kvm: handle of its VM; the source keeps a share of it
 * @slot: copied; the slot exists before the source is started
 * @ret: receives the source, owned by the caller
 * @err: receives the failure; may be NULL
 *
 * Start and stop switch KVM_MEM_LOG_DIRTY_PAGES of the slot and change nothing
 * else of it. Attach the source to the pages of the region that the slot maps;
 * the first page need not be a multiple of 64. Detach it before the slot is
 * deleted: the final harvest reads the slot's log, and stopping the log of a
 * deleted slot would make KVM create the slot again. The source detects what
 * vCPUs write. What the program writes, including I/O of its devices, the
 * program marks afterwards. In manual mode the source has a look, in legacy
 * mode it has none. Blocks: no. Threads: any. Return: 0, -EINVAL (@slot),
 * -E2BIG (@slot has fields that this library does not know), -ENOMEM.
 * Start: also -EINVAL (attached to a range of another size or address than the
 * slot's), -ENOENT (the slot does not exist), -EBUSY (another source logs the
 * slot), -ENOMEM, KVM's errors. Harvest: KVM's errors. Re-arm: -EIO, from a
 * take.
 */
int smudge_kvm_log_create(struct smudge_kvm *kvm,
			  const struct smudge_kvm_slot *slot,
			  struct smudge_source **ret,
			  struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
