/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a region hold something: what was never touched is zeros, and
 * need not be read.
 */
#ifndef SMUDGE_POPULATED_H
#define SMUDGE_POPULATED_H

#include <stdint.h>

#include "attributes.h"
#include "batch.h"
#include "error.h"
#include "memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * smudge_region_next_populated - the next run of pages that hold something, or
 *      may
 * @region: region (borrowed)
 * @first_page, @end_page: where to look, end exclusive
 * @ret_run: receives the run; more pages behind it may be populated too
 * @err: receives the failure; may be NULL
 *
 * All other pages read as zeros, and are neither read nor populated by the
 * call. Unknown means populated. A page counts as populated when it
 *
 *   - of private anonymous memory is mapped, in swap or moving, also if it was
 *      only read, or was written with zeros;
 *   - of a shared mapping of a memfd or tmpfs file, or of shared anonymous
 *      memory, is in the file: written through whatever mapping or call, or in
 *      swap. It is unknown where the file cannot be opened: through
 *      /proc/self/map_files (CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE), or as a
 *      descriptor of this process of the same file;
 *   - of a private mapping of such a file is in the file or copied;
 *   - of hugetlbfs is mapped and the file is empty, as it is for private
 *      anonymous huge pages; all pages, where the file has one;
 *   - is of a file of another file system;
 *   - is of a region with a read operation, unless its next_populated says
 *      otherwise. That of another process's memory (process.h), by userfaultfd,
 *      knows private anonymous memory, and shared mappings of memfd and tmpfs
 *      files by what the other process has open, as above;
 *   - is registered with a userfaultfd that is not the library's, since its
 *      reader may have to bring the page (a missing or minor fault). To a
 *      process that may have no userfaultfd only such registrations count, for
 *      missing or minor faults; they are looked up in /proc/self/smaps by the
 *      first call, and by the first after each harvest or look of the memory,
 *      which takes 40 ms per GiB of mapped pages of 4 KiB. (A lazy restore has
 *      a record of its own of the pages that it has not brought.)
 *
 * Write-protection by smudge_uffd_create puts markers where no page is. To a
 * process without CAP_SYS_ADMIN they look like pages in swap, so there every
 * page of private anonymous memory is populated while that source runs.
 *
 * ORDER. Take the pages first, then ask, then read those that are populated: a
 * page that is written later is dirty again. If it was asked first, a write
 * between the question and the take would be lost. A page that is written
 * during the call may be reported or not.
 *
 * Blocks: on a lock of the memory's, and for two or three kernel calls, which
 * skip what has no page tables at once (0.02 ms for 64 GiB), and look at no
 * more than some thousand pages of a run. Linux before 6.7 is asked for a word
 * per page (6 ms per GiB), as are markers.
 * Threads: any. The memory keeps up to four descriptors open for it, of which
 * one is of the region's file until another one is asked for or a region is
 * removed.
 * State after failure: nothing has changed.
 * Return: 1, 0 (all pages from @first_page on are zeros, or the range is
 * empty), -EINVAL (range outside the region), -EPERM (in a child), -ENOMEM.
 */
int smudge_region_next_populated(struct smudge_region *region,
				 uint64_t first_page, uint64_t end_page,
				 struct smudge_run *ret_run,
				 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 4);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
