/* SPDX-License-Identifier: MIT */
/*
 * Threads write memory while two clients harvest, take and copy. No write is
 * lost: what changed and is clean now is dirty after the next harvest, and two
 * consecutive harvests together report at least the writes between.
 */
#ifndef TESTS_KERNEL_SOURCE_LOSS_H
#define TESTS_KERNEL_SOURCE_LOSS_H

#include <smudge/source.h>

/* Makes the source under test; it fails or skips the running test. */
typedef struct smudge_source *(*source_loss_fn)(void);

void source_loss_changed_and_clean(source_loss_fn create);
void source_loss_pairs(source_loss_fn create);

/* Make all writers stand, and let them run again, for a source that asks. */
int source_loss_quiesce(void *opaque, struct smudge_error *err);
void source_loss_resume(void *opaque);

#endif
