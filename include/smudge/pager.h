/* SPDX-License-Identifier: MIT */
/*
 * A pager: memory whose pages are absent at first, and are brought by the
 * program when they are touched (userfaultfd's missing pages). What a lazy
 * restore (lazy.h) is made of, and what post-copy needs.
 *
 * A page has one of four states:
 *
 *	missing     the first access waits until it was brought
 *	zeros       known to be zeros: the library brings it when it is touched
 *	brought     its content is the memory's own affair
 *	dropped     discarded (smudge_region_discard): the same, and it is zeros
 *
 * A page that is brought is clean for a userfaultfd source that tracks the
 * memory, and protected, so that a write to it is detected. One that is brought
 * a second time, after its content was dropped, is zeros and counts as written;
 * so does every page of a private mapping of a file. Other sources take a page
 * that comes in for a written one.
 *
 * The pager's threads answer faults under none of the library's locks that a
 * program may hold while it touches its memory.
 */
#ifndef SMUDGE_PAGER_H
#define SMUDGE_PAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_pager;

struct smudge_pager_options {
	size_t size; /* sizeof(struct smudge_pager_options) */
	struct smudge_region *const *regions; /* copied; held until destroy */
	size_t nregions;		      /* at least 1 */
	unsigned int nthreads; /* that answer faults; 0: 2; at most 64 */
	/*
	 * The kernel's own access (system calls, KVM) has to wait for missing
	 * pages too: refuse (-EPERM) where it would not.
	 */
	bool kernel_faults;
	/*
	 * A thread waits for a missing page: bring it, by smudge_pager_install,
	 * and perhaps its neighbours. Called by the pager's threads, several at
	 * once, also for the same page. @thread: counts from 0, below nthreads.
	 * @region: index in regions. It returns 0, or -errno with a sentence in
	 * @err, which is never NULL; then the pager fails (smudge_pager_fail).
	 * It touches no memory of the regions, and waits for no thread that
	 * might.
	 */
	int (*bring)(void *opaque, unsigned int thread, size_t region,
		     uint64_t offset_bytes, size_t length_bytes,
		     struct smudge_error *err);
	/*
	 * Called once, when the pager has failed and what was missing is
	 * inaccessible; from one of its threads, or by smudge_pager_fail. It
	 * may not call smudge_pager_destroy. May be NULL.
	 */
	void (*failed)(void *opaque, const struct smudge_error *why);
	void *opaque; /* passed to both */
};

/*
 * smudge_pager_create - make all pages of regions absent, and answer faults
 * @memory: memory (borrowed) of the regions; they cannot be removed or resized
 *      until destroy
 * @options: copied
 * @ret_pager: receives it, ended by smudge_pager_destroy
 * @err: receives the first failure; may be NULL
 *
 * What the regions hold is dropped, and their pages are marked for every
 * client. A child of fork(2) does not get the memory until destroy
 * (MADV_DONTFORK, then MADV_DOFORK).
 *
 * Private anonymous memory, with huge pages or without; shared anonymous and
 * memfd, shared or private, if the file is empty there or can be made so;
 * hugetlbfs with pages up to 32 MiB.
 *
 * Blocks: while what the regions hold is dropped. Threads: any; nothing else
 * reads or writes the regions' memory during the call.
 * State after failure: as before, but the regions may be empty.
 * Return: 0, -EINVAL (options; a region that divides a page of the host or a
 * huge page; memory that cannot be registered, or not by this kernel), -E2BIG
 * (the options have fields that this library does not know), -EOPNOTSUPP (a
 * region without hva; huge pages that are too large or mixed with others),
 * -ENOTEMPTY (what a region holds cannot be dropped), -EBUSY (another pager of
 * this process, another userfaultfd has the memory, an mprotect source tracks
 * it), -EPERM (userfaultfd(2) is
 * forbidden; kernel_faults without the privilege: the sentence says what gives
 * it; memory that may not be written; in a child of fork), -ENOSYS (no
 * userfaultfd), -EAGAIN (no thread), -EMFILE, -ENFILE, -ENOMEM.
 */
int smudge_pager_create(struct smudge_memory *memory,
			const struct smudge_pager_options *options,
			struct smudge_pager **ret_pager,
			struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2, 3);

/*
 * smudge_pager_page_bytes - in what units the pages of a region are brought
 *
 * The host's page, or the huge page of hugetlbfs. Ranges below are multiples of
 * it. Blocks: no. Threads: any. Return: 0 for a region that is not there.
 */
size_t smudge_pager_page_bytes(const struct smudge_pager *pager, size_t region)
	SMUDGE_NONNULL(1);

/*
 * smudge_pager_install - bring content; who waits for it continues
 * @region: index in the options' regions
 * @offset_bytes, @length_bytes: in the region
 * @bytes: the content, not in memory of the regions; NULL: zeros
 * @ret_bytes: receives how much of it was missing and is brought now; may be
 *      NULL
 *
 * Pages of the range that are not missing are left alone. After a failure the
 * pager fails too, unless the argument was wrong.
 * Blocks: on a lock that is held for some kernel calls. Threads: any.
 * Return: 0, -EINVAL (range), -ECANCELED (the pager has failed), -EEXIST (a
 * page was touched through another mapping or its descriptor), -EPERM (in a
 * child of fork), -ENOMEM, -ENOENT (it is no longer mapped there), -EIO (the
 * kernel's other errors).
 */
int smudge_pager_install(struct smudge_pager *pager, size_t region,
			 uint64_t offset_bytes, size_t length_bytes,
			 const void *bytes, uint64_t *ret_bytes,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_pager_know_zeros - missing pages of a range are zeros
 *
 * They need not be brought. Nothing is done to the memory.
 * Blocks: no. Threads: any. Return: of how many bytes that is news; 0 also for
 * a range that is not in the region.
 */
uint64_t smudge_pager_know_zeros(struct smudge_pager *pager, size_t region,
				 uint64_t offset_bytes, uint64_t length_bytes)
	SMUDGE_NONNULL(1);

/*
 * smudge_pager_next_missing - the first run of missing pages
 * @start_bytes, @end_bytes: where to look; receive the run
 *
 * Blocks: no. Threads: any. Return: is there one?
 */
bool smudge_pager_next_missing(const struct smudge_pager *pager, size_t region,
			       uint64_t *start_bytes, uint64_t *end_bytes)
	SMUDGE_NONNULL(1, 3, 4);

/*
 * smudge_pager_fail - make all that is missing inaccessible
 * @code: the reason, a negative errno
 * @sentence: the same in words; NULL: failed is not called
 *
 * Missing pages, and those that are known to be zeros, become PROT_NONE, and
 * who waits for one is woken: SIGSEGV, or -EFAULT in a system call and from
 * KVM_RUN. If those are more than 1024 runs, or if the process may not have so
 * many mappings, pages between them are too. Only the first failure counts.
 * Then failed is called.
 * Blocks: for two kernel calls per run. Threads: any; not in a child of fork.
 */
void smudge_pager_fail(struct smudge_pager *pager, int code,
		       const char *sentence) SMUDGE_NONNULL(1);

/*
 * smudge_pager_failure - has the pager failed, or does it?
 * @err: receives why; may be NULL
 *
 * A thread that finds a page inaccessible gets the reason here, also before
 * failed was called. Blocks: on a lock. Threads: any. Return: 0, or the reason,
 * a negative errno.
 */
int smudge_pager_failure(struct smudge_pager *pager, struct smudge_error *err)
	SMUDGE_NONNULL(1);

struct smudge_pager_stats {
	size_t size; /* sizeof(...), set by the caller */
	uint64_t total_bytes, missing_bytes;
	uint64_t zero_bytes;	/* known to be zeros, and not touched */
	uint64_t dropped_bytes; /* discarded while they were missing or zeros */
	uint64_t faults;	/* a thread waited for a missing page */
	uint64_t zero_faults;	/* for one that is zeros, or was dropped */
	/* Of faults, from the kernel's message until the page is there. */
	uint64_t last_fault_ns, longest_fault_ns, total_fault_ns;
	int failure;	/* 0, or why the pager failed */
	bool is_waited; /* a thread waits, and none has begun to answer */
};

/*
 * smudge_pager_stats - what the pager did so far
 * @stats: receives it; its size is set by the caller
 *
 * Blocks: no. Threads: any. Return: 0, -EINVAL (struct too short).
 */
int smudge_pager_stats(struct smudge_pager *pager,
		       struct smudge_pager_stats *stats) SMUDGE_NONNULL(1, 2);

/*
 * smudge_pager_destroy - end
 * @pager: may be NULL; invalid afterwards
 *
 * What is still missing becomes inaccessible first, as by smudge_pager_fail.
 * While a userfaultfd source tracks memory of the regions, one thread of the
 * library stays, and brings zeros where pages are dropped or were never
 * touched: ending that would lose what the source knows. It ends with the
 * source, or as another pager is created.
 * Blocks: until the threads have ended. Threads: no other call may use it.
 * Return: 0, -EPERM (in a child of fork: nothing is done).
 */
int smudge_pager_destroy(struct smudge_pager *pager);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
