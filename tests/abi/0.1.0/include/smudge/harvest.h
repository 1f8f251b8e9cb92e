/* SPDX-License-Identifier: MIT */
/*
 * What sources detected becomes dirty: harvests, and looks, which re-arm
 * nothing. memory.h includes it.
 */
#ifndef SMUDGE_HARVEST_H
#define SMUDGE_HARVEST_H

#include "attributes.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct smudge_memory;
struct smudge_region;

/*
 * smudge_memory_harvest - fetch what all running sources detected, and make it
 *      dirty for all open clients
 * smudge_region_harvest - the same for one region
 * @memory, @region: borrowed
 * @err: receives the first failure; may be NULL
 *
 * With no client open it does nothing. In a region whose policy in force is
 * SMUDGE_REARM_QUIESCED it is a look. Blocks: on the region's lock, for a
 * memory also on its own, and in the sources' kernel calls. Threads: any.
 * State after failure: the range of a failed source is dirty for every client
 * (unknown means dirty); the other sources and regions were harvested.
 * Return: 0, -EPERM (in a child), or the first failing source's error.
 */
int smudge_memory_harvest(struct smudge_memory *memory,
			  struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_region_harvest(struct smudge_region *region,
			  struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_memory_look - a harvest that re-arms nothing
 * smudge_region_look - the same for one region
 * @memory, @region: borrowed
 * @err: receives the first failure; may be NULL
 *
 * Pages that were written since they were last re-armed become dirty for every
 * client. Until the next harvest, takes re-arm nothing either. So every page
 * that is taken after a look, also one that an earlier harvest reported, stays
 * unarmed, and each look and the next harvest report it again: a page may be
 * reported too often, never too seldom. With no client open it does nothing.
 *
 * Blocks: on the region's lock, for a memory also on its own, and in the
 * sources' kernel calls. Threads: any.
 * State after failure: after -EOPNOTSUPP nothing has changed and no page became
 * dirty (unless another thread attached that source during the call; then the
 * regions before it were looked at). After another failure, the range of the
 * failed source is dirty for every client; the other sources and regions were
 * looked at.
 * Return: 0, -EOPNOTSUPP (a running source has no look: KVM's log in legacy
 * mode, or a source of the program's own without one; the error names it),
 * -EPERM (in a child), or the first failing source's error. A look operation
 * that returns -EOPNOTSUPP itself is such a failure: its range is dirty then.
 */
int smudge_memory_look(struct smudge_memory *memory,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_region_look(struct smudge_region *region,
		       struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

/*
 * smudge_memory_harvest_quiesced - a harvest while no I/O is in flight
 * smudge_region_harvest_quiesced - the same for one region
 * @memory, @region: borrowed
 * @err: receives the first failure; may be NULL
 *
 * The caller guarantees that during the call no I/O into pinned pages of the
 * region, or of any region of the memory, is in flight. Stores by threads and
 * vCPUs may continue. The call re-arms under every policy, and re-arms all
 * pages at once, so that takes have nothing to re-arm until the next plain
 * harvest. One call serves all clients.
 *
 * Blocks: on the region's lock, for a memory also on its own, and in the
 * sources' kernel calls. Threads: any.
 * State after failure: as smudge_memory_harvest. Pages that could not be
 * re-armed are dirty, and are reported again or re-armed by the next take.
 * Return: 0, -EIO (a source could not be re-armed), -EPERM (in a child), or the
 * first failing source's error.
 */
int smudge_memory_harvest_quiesced(struct smudge_memory *memory,
				   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);
int smudge_region_harvest_quiesced(struct smudge_region *region,
				   struct smudge_error *err) SMUDGE_MUST_CHECK
	SMUDGE_NONNULL(1);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
