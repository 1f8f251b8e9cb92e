/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a save: in place, or failed with all that stand on it.
 */
#ifndef LIB_CHECKPOINT_SETTLE_H
#define LIB_CHECKPOINT_SETTLE_H

#include "checkpoint/checkpointer_objects.h"

/* Chunks that are kept populated between two saves: 256 MiB. */
#define SMI_MAX_IDLE 128

/*
 * smi_settle_fail - the save fails with @error, and those that stand on it with
 *      -EAGAIN, unless they failed already. The lock is held
 */
void smi_settle_fail(struct smudge_checkpointer *cp, struct smi_save *save,
		     int error, const struct smudge_error *err);

/* Take the save out of the queue. The lock is held. */
void smi_queue_unlink(struct smudge_checkpointer *cp, struct smi_save *save);
/* It is in no queue. The lock is not held. */
void smi_save_destroy(struct smudge_checkpointer *cp, struct smi_save *save);

#endif
