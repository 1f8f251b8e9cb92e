/* SPDX-License-Identifier: MIT */
/*
 * Bring a moment back into memory (libsmudge-checkpoint). checkpoint.h includes
 * this header.
 */
#ifndef SMUDGE_RESTORE_H
#define SMUDGE_RESTORE_H

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

struct smudge_restore_options {
	size_t size; /* sizeof(struct smudge_restore_options) */
	/* Restore these regions only, matched by name; 0: all of the layer. */
	struct smudge_region *const *regions;
	size_t nregions;
	bool is_zeroed; /* the memory is all zeros: holes are not written */
	unsigned int nthreads; /* 0: processors, at most 8 */
	/* As in smudge_chain_verify; may be NULL. */
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *opaque;
};

/*
 * smudge_restore - bring a moment back into memory
 * @memory: its regions must have the layer's names, sizes, page sizes and gpa;
 *      nothing else reads or writes it meanwhile
 * @chain: the layer
 *
 * Every page with content is compared with its digest; one that differs ends
 * the call, and may be in the memory by then. What is zeros at the moment and
 * holds something now is dropped by smudge_region_discard, or written where
 * that is not possible; what was never touched is left alone. With is_zeroed
 * nothing is dropped: say so of memory that a device has pinned (VFIO), after
 * it was cleared. The memory must be writable; no userfaultfd may wait for its
 * missing pages.
 *
 * All pages that were to be restored are marked for every client that is open.
 * For a delta as the next checkpoint: restore, smudge_checkpointer_create with
 * clean_as_of, then let the machine run. For a client of the program's own that
 * begins clean: restore, smudge_client_open, smudge_memory_harvest,
 * smudge_client_skip of everything. (The harvest is for sources that were armed
 * already, and have detected the restore.)
 *
 * Blocks: as long as reading takes; starts threads of its own, and ends them.
 * Threads: one call per memory, none that adds or removes regions of it.
 * State after failure: the memory is as before, if a region or an option was
 * refused. After another failure it holds anything: do not run it.
 * Return: 0, -EINVAL, -E2BIG (the options have fields that this library does
 * not know), -ENOENT (a region of the layer is missing in the memory, or the
 * other way round), -ERANGE (another size, gpa or page size), -EOPNOTSUPP (a
 * region without hva), -ECANCELED, or as smudge_chain_read.
 */
int smudge_restore(struct smudge_memory *memory, struct smudge_chain *chain,
		   const struct smudge_restore_options *options,
		   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1, 2);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
