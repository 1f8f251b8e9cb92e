/* SPDX-License-Identifier: MIT */
/*
 * The soft-dirty bits of another process, for all areas of one attachment.
 *
 * A COLLECT stops the process, reads the bits of each area into its pending
 * pages, clears all bits of the process, and lets it go. So each write is
 * pending, or sets a bit after the clear. One collect serves the harvests of
 * all areas that the same call makes (smi_soft_dirty_begin); any other harvest
 * collects by itself.
 *
 * LOCK. Its own, innermost: after memory's and a region's. It is held while the
 * process stands.
 */
#ifndef LIB_PROCESS_SOFT_DIRTY_H
#define LIB_PROCESS_SOFT_DIRTY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/source.h>

#include "process/objects.h"
#include "process/soft_area.h"

/*
 * smi_soft_dirty_make - for an attachment that is open but for its userfaultfd
 * @process: outlives it
 *
 * Return: 0, -EOPNOTSUPP (no such bits), -EPERM, -ENOMEM, -EMFILE, -ENFILE,
 * -ESRCH.
 */
int smi_soft_dirty_make(struct smudge_process *process,
			struct smi_attachment *attachment,
			struct smudge_error *err);

/* No source of it is left. NULL does nothing. */
void smi_soft_dirty_free(struct smi_soft_dirty *soft);

/*
 * smi_soft_dirty_source - a source for an area
 * @area: outlives it
 */
int smi_soft_dirty_source(struct smi_soft_dirty *soft, struct smi_area *area,
			  struct smudge_source **ret_source,
			  struct smudge_error *err);

/*
 * smi_soft_dirty_begin - collect now, for the harvests that this thread makes
 *      until smi_soft_dirty_end
 *
 * Return: 0, or what stopping the process returned; these harvests fail then,
 * and do not stop it again.
 */
int smi_soft_dirty_begin(struct smi_soft_dirty *soft, struct smudge_error *err);
void smi_soft_dirty_end(struct smi_soft_dirty *soft);

/*
 * smi_soft_dirty_note_read - a client is about to read these bytes of an area,
 *      or has read them
 *
 * Their content is known to it then: if it is dropped, it is reported
 * (soft_area.h). Blocks: while a collect runs.
 */
void smi_soft_dirty_note_read(struct smi_area *area, uint64_t at,
			      uint64_t nbytes);

/* Add what it cost so far. */
void smi_soft_dirty_stats(struct smi_soft_dirty *soft,
			  struct smudge_process_stats *stats);

#endif
