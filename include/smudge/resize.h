/* SPDX-License-Identifier: MIT */
/*
 * Regions whose end moves: a heap, memory that is plugged in. memory.h includes
 * it.
 */
#ifndef SMUDGE_RESIZE_H
#define SMUDGE_RESIZE_H

#include <stdint.h>

#include "attributes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_region;

/*
 * smudge_region_resize - a region grows or shrinks at its end, while writers
 *      run
 * @region: region (borrowed)
 * @npages: its size from now on, in its pages; not 0, and at most the
 *      max_size_bytes that it was added with. For that much, each client
 *      reserves address space, one byte per 15,000, and no memory
 * @err: receives the first failure; may be NULL
 *
 * Pages that stay keep their bits, for every client. Pages that are new are
 * dirty for every client. Pages that go are gone with their bits and marks; a
 * mark or the return of a batch ignores them, as all pages outside a region,
 * and a take whose range ends behind the end is -EINVAL: begin a new one. If
 * they come back they are new.
 *
 * hva and gpa stay, so the new pages must follow the old ones in this process,
 * mapped before the region grows. It shrinks before they are unmapped. Marks by
 * any thread may run during the call, of any page. While the region shrinks
 * nothing may read or discard pages that go (smudge_region_read,
 * smudge_region_discard), for they are about to be unmapped.
 *
 * A source that is attached to the region's end (smudge_region_attach with
 * npages 0) follows it, if it can: uffd, mprotect, soft_dirty and vhost_log do,
 * and sources of the program's own with grow and shrink. A source that is
 * attached to a number of pages keeps them. A KVM slot has a fixed size, and so
 * has a hub's source: attach it to its own pages; after the region has grown,
 * attach another source to the new ones. New pages that no source covers are
 * dirty once, and then when they are marked.
 *
 * Blocks: on the locks, on the sources' grow or shrink, and when the region
 * grows on an RCU grace period; takes and harvests of the region wait
 * meanwhile. Needs no memory of its own. Threads: any.
 * State after failure: nothing has changed.
 * Return: 0, -EINVAL (0 pages), -ENOSPC (more than the region was added for),
 * -EEXIST (it would overlap another region's gpa range, which the error names),
 * -EBUSY (the region is held: by a display, a code handle, a migration that
 * runs, or smudge_region_hold; a client has a batch with pages behind the new
 * end; a source is attached to pages that go, and to none that stay or to a
 * fixed number of pages), -EOPNOTSUPP (a source is attached to the region's end
 * and cannot follow it), or the error of a source that cannot watch the new
 * pages, which is named (-EIO if it returned what it may not return), -EPERM
 * (in a child of fork(2) that did not create the region).
 */
int smudge_region_resize(struct smudge_region *region, uint64_t npages,
			 struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
