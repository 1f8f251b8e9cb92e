/* SPDX-License-Identifier: MIT */
/*
 * A source for kernels with soft-dirty bits and without userfaultfd's
 * asynchronous write-protection: before Linux 6.7, with CONFIG_MEM_SOFT_DIRTY
 * (x86-64, ppc64, s390x, riscv64; not arm64).
 *
 * The bits are read page by page from /proc/self/pagemap and cleared by a write
 * to /proc/self/clear_refs, of the whole process at once. What is written
 * between the two calls would be lost, so the program's writers stand
 * meanwhile: the program says how.
 */
#ifndef SMUDGE_SOFT_DIRTY_H
#define SMUDGE_SOFT_DIRTY_H

#include <stddef.h>

#include "attributes.h"
#include "error.h"
#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_soft_dirty_options {
	size_t size; /* sizeof(struct smudge_soft_dirty_options) */
	/*
	 * quiesce returns 0 when nothing writes to the source's memory: threads
	 * and vCPUs stand, and no I/O into it is in flight. resume lets all
	 * continue. Called by the start and by each harvest of any source of
	 * this kind in the process, with locks of the library held: they follow
	 * the rules of operations in source_ops.h, so the writers that they
	 * wait for may mark, and make no other call of the library. A failure,
	 * -errno, ends the harvest; resume is not called then.
	 */
	int (*quiesce)(void *opaque, struct smudge_error *err);
	void (*resume)(void *opaque);
	void *opaque; /* passed to both; once for sources that share all three
		       */
};

/*
 * smudge_soft_dirty_create - track memory of this process by soft-dirty bits
 * @options: copied; quiesce and resume may not be NULL
 * @ret: receives the source, owned by the caller
 * @err: receives the failure, which names what the kernel lacks; may be NULL
 *
 * It detects what userfaultfd does: stores by threads, and by the kernel for
 * system calls. For private memory only: in shared memory the kernel forgets
 * the bit of a page that it unmaps (reclaim), so a start there is refused. So
 * is one in hugetlbfs, which has no bits, and in memory that KSM may merge. Not
 * detected: dropped content (MADV_DONTNEED); use smudge_region_discard.
 * Needless reports: a transparent huge page is reported whole; a mapping that
 * is new, or merges with a new neighbour, is reported whole until the next
 * harvest.
 *
 * ALL OF THE PROCESS is cleared by each start and harvest, and the process is
 * walked for it. What sources of this kind had not reported is carried over.
 * Another user of the bits in this process (CRIU's --track-mem, a collector of
 * garbage) loses them: do not use both. When another user clears the bits, the
 * next harvest or look notices it, and reports everything.
 *
 * A child of fork(2) may destroy the source, and nothing else. The source has a
 * look, for which nothing has to stand. It follows the region's end: what was
 * stored to new pages before is reported once more.
 *
 * Blocks: no. Threads: any.
 * Return: 0, -EINVAL (@options), -E2BIG (the options have fields that this
 * library does not know), -EOPNOTSUPP (no soft-dirty bits), -ENOSYS (no
 * /proc/self/pagemap or clear_refs), -EPERM (they may not be opened), -EMFILE,
 * -ENFILE, -ENOMEM.
 * Start: also -EINVAL (not whole host pages), -EOPNOTSUPP (shared memory,
 * hugetlbfs, KSM; clearing clears nothing), -ENOMEM (a hole in the range),
 * -EBUSY (another source of this kind tracks a part), -ENOENT, -ESRCH, -EACCES,
 * -EIO (/proc/self/smaps cannot be read), or what quiesce returned. Its growth,
 * as the region's end moves: the same, without quiesce.
 * Harvest: -EPERM (also in a child of the process that started the source),
 * -EMFILE, -ENFILE, -ENOMEM, -EIO, -EINTR, or what quiesce returned. Look: the
 * same, without quiesce.
 */
int smudge_soft_dirty_create(const struct smudge_soft_dirty_options *options,
			     struct smudge_source **ret,
			     struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
