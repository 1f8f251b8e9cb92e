/* SPDX-License-Identifier: MIT */
/*
 * Lazy restore: a moment comes back into memory while it is already in use
 * (libsmudge-checkpoint).
 *
 * All pages are absent at first. The first access to one waits until a thread
 * of the library has read it from the chain, compared it with its digest and
 * installed it, usually less than a millisecond; some of its neighbours come
 * with it. All the others come in behind, in order.
 *
 *	smudge_restore_lazily |-- the machine runs; pages come in --| end
 *
 * Pages that came in are clean: a checkpointer that is created with clean_as_of
 * this chain right after smudge_restore_lazily saves deltas at once, while
 * pages still come in. What reads a page that is not in yet waits for it as the
 * machine does: a full layer, a migration, smudge_region_read.
 *
 * What is written or discarded (smudge_region_discard) is never brought in
 * again; a huge page that is discarded in part comes in first.
 * smudge_region_next_populated knows which of the pages that are not in yet
 * have content.
 *
 * WHAT MUST NOT HAPPEN before smudge_lazy_end, since the kernel cannot tell
 * anyone of it:
 *   - madvise(MADV_DONTNEED, MADV_REMOVE), or a hole in the file, by the
 *     program itself, of a page that is not in yet: it would come back with the
 *     moment's content. Of a page that is in: it is zeros afterwards, as ever;
 *   - access to the same memory by another mapping, by its descriptor, or by
 *     another process that maps it (vhost-user): it finds zeros, where a page
 *     is not in yet. If that is noticed as the page is to come in, the restore
 *     fails;
 *   - mremap, munmap or mprotect of it. Regions can be neither removed nor
 *     resized (-EBUSY).
 * A child of fork(2) does not get the memory meanwhile (MADV_DONTFORK).
 *
 * THE KERNEL'S OWN ACCESS (read(2) into the memory, KVM for a guest) waits for
 * a missing page only with the privilege for it: say kernel_faults to be sure
 * of it. Else such a call fails with -EFAULT, as if nothing were mapped.
 *
 * A CHAIN THAT FAILS OR LIES (a page is not what its digest says, a file is cut
 * or replaced, the disk fails): all pages that are not in yet become
 * inaccessible first (PROT_NONE); who waits for one, or comes to one later,
 * gets SIGSEGV, or -EFAULT in a system call and from KVM_RUN; then failed is
 * called. Wrong bytes are never seen, and no access waits for ever. If the
 * process may not have as many mappings as that takes, pages between them that
 * are in become inaccessible too.
 */
#ifndef SMUDGE_LAZY_H
#define SMUDGE_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "layers.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_lazy;

struct smudge_lazy_options {
	size_t size; /* sizeof(struct smudge_lazy_options) */
	/* Restore these regions only, matched by name; 0: all of the layer. */
	struct smudge_region *const *regions;
	size_t nregions;
	unsigned int nthreads; /* that answer faults; 0: 2; at most 64 */
	/*
	 * How much comes in behind a page that was waited for, if no other is
	 * waited for; 0: 64 KiB; at most 16 MiB. Less than two pages: nothing.
	 */
	uint64_t read_ahead_bytes;
	/* Only what is touched comes in, until smudge_lazy_wait or
	   smudge_lazy_end asks for the rest. */
	bool on_demand;
	/* Of what comes in by itself; 0: no limit. Faults have none. */
	uint64_t stream_bytes_per_second;
	/* Refuse (-EPERM), if the kernel's own access would not wait. */
	bool kernel_faults;
	/*
	 * A page is always compared with its digest; that all the digests are
	 * the moment's is known when all of them were read, about 3 ms per GiB
	 * of memory. false: above 256 MiB of memory this is done behind, and
	 * until then only pages of zeros wait for it. A page that was lost
	 * together with its digest may be seen as it was in an earlier layer
	 * for so long, before the restore fails. true: smudge_restore_lazily
	 * does it first.
	 */
	bool digests_first;
	/*
	 * Called once, from a thread of the library and under none of its
	 * locks, when the restore failed and all that was missing is
	 * inaccessible. It may block until the machine's threads stand, and
	 * call smudge_lazy_stats, _wait and _cancel, not _end. May be NULL.
	 */
	void (*failed)(void *opaque, const struct smudge_error *why);
	void *opaque;
};

/*
 * smudge_restore_lazily - begin to bring a moment back into memory
 * @memory: its regions must have the layer's names, sizes, page sizes and gpa;
 *      they are held until smudge_lazy_end. What they hold is dropped
 * @chain: the layer (borrowed until smudge_lazy_end)
 * @options: copied; NULL: as all zeros
 * @ret_lazy: receives it, ended by smudge_lazy_end
 * @err: receives the first failure; may be NULL
 *
 * Kinds of memory: private anonymous, with huge pages or without; shared
 * anonymous and memfd, shared or private, if the file is empty there or can be
 * made so; hugetlbfs with pages up to 32 MiB. Others are refused. (Private
 * memory with huge pages has small ones where pages came in one by one.)
 *
 * All pages are marked for every client that is open. For a delta as the next
 * checkpoint: smudge_restore_lazily, smudge_checkpointer_create with
 * clean_as_of, then let the machine run. userfaultfd is the only source that
 * tells a page that came in from one that was written: with soft-dirty bits
 * pages that come in are dirty.
 *
 * Starts the threads. Blocks: while what the regions hold is dropped, and with
 * digests_first on the files. Nothing else writes the memory during the call;
 * who reads it meanwhile sees what it held, zeros, or waits.
 * Threads: one call per memory.
 * State after failure: the memory is as before, if a region or an option was
 * refused; else it may be empty.
 * Return: 0, -EINVAL (options; a region that divides a huge page), -E2BIG (the
 * options have fields that this library does not know), -ENOENT (a region of
 * the layer is missing in the memory, or the other way round), -ERANGE (another
 * size, gpa or page size), -EOPNOTSUPP (a region without hva; a kernel whose
 * userfaultfd cannot do it, before Linux 4.11; huge pages that are too large),
 * -ENOTEMPTY (what a region holds cannot be dropped), -EBUSY (another lazy
 * restore of this process, another userfaultfd has the memory, or an mprotect
 * source tracks it), -EPERM
 * (userfaultfd(2) is forbidden; kernel_faults without the privilege, the
 * sentence says what gives it; memory that cannot be registered; in a child of
 * fork), -ENOSYS (no userfaultfd), -EAGAIN (no thread), -EMFILE, -ENFILE,
 * -ENOMEM, or as smudge_chain_read.
 */
int smudge_restore_lazily(struct smudge_memory *memory,
			  struct smudge_chain *chain,
			  const struct smudge_lazy_options *options,
			  struct smudge_lazy **ret_lazy,
			  struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 4);

/*
 * smudge_lazy_wait - until all is in
 * @timeout_ns: longest wait; 0: only ask; UINT64_MAX: none
 *
 * With on_demand the rest begins to come in, unless @timeout_ns is 0. A thread
 * that finds a page inaccessible gets here why, also before failed is called.
 * Blocks: until then. Threads: any.
 * Return: 0, -ETIMEDOUT, -ECANCELED, -EPERM (in a child), or why the restore
 * failed, as smudge_chain_read.
 */
int smudge_lazy_wait(struct smudge_lazy *lazy, uint64_t timeout_ns,
		     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

struct smudge_lazy_stats {
	size_t size; /* sizeof(...), set by the caller */
	/* Bytes of all regions; of them those that are not in and have content,
	   as far as known: with a rate once the digests were read, without one
	   what streams by decides. */
	uint64_t total_bytes, missing_bytes;
	uint64_t fault_bytes;	   /* came in because a thread waited */
	uint64_t read_ahead_bytes; /* with them */
	uint64_t stream_bytes;	   /* by themselves */
	uint64_t zero_bytes;	   /* need not be read */
	uint64_t
		dropped_bytes; /* discarded before they came in, and so zeros */
	uint64_t faults;       /* a thread waited */
	uint64_t last_fault_ns; /* how long, from the kernel's message on */
	uint64_t longest_fault_ns;
	uint64_t total_fault_ns;
	uint64_t elapsed_ns; /* since the begin, or until all was in */
	bool is_complete;
	int failure; /* 0, or -errno: why it failed or was cancelled */
};

/*
 * smudge_lazy_stats - what came in so far
 * @stats: receives it; its size is set by the caller
 *
 * Blocks: on a lock. Threads: any. Return: 0, -EINVAL (struct too short).
 */
int smudge_lazy_stats(struct smudge_lazy *lazy, struct smudge_lazy_stats *stats)
	SMUDGE_NONNULL(1, 2);

/*
 * smudge_lazy_cancel - bring nothing more in
 *
 * Pages that are not in become inaccessible, as after a failure; failed is not
 * called. No effect when all is in. Blocks: on a lock, and for some kernel
 * calls per run of missing pages. Threads: any, not in a child.
 */
void smudge_lazy_cancel(struct smudge_lazy *lazy) SMUDGE_NONNULL(1);

/*
 * smudge_lazy_end - wait until all is in, and end
 * @lazy: may be NULL; invalid afterwards
 * @err: receives why it failed; may be NULL
 *
 * The rest comes in without a limit of rate; after smudge_lazy_cancel nothing
 * is waited for. The regions are released. Memory that became inaccessible
 * stays so.
 *
 * Where a userfaultfd source tracks the memory, a thread of the library stays
 * until that source stops, and answers the first access to pages that were
 * dropped or are zeros: ending this too would lose what the source knows.
 *
 * Blocks: until then. Threads: no other call may use it.
 * Return: as smudge_lazy_wait without a timeout.
 */
int smudge_lazy_end(struct smudge_lazy *lazy, struct smudge_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
