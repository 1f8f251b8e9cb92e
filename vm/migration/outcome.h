/* SPDX-License-Identifier: MIT */
/*
 * What a migration came to, and where the guest is.
 *
 * Derived in one place from the library's result, which follows from what
 * happened. The status and event of QMP, what is allowed of the guest
 * afterwards, the tools' sentences and the exit status follow from this.
 */
#ifndef VM_MIGRATION_OUTCOME_H
#define VM_MIGRATION_OUTCOME_H

#include <stdbool.h>

#include "migration/migration.h"

struct migration_outcome {
	enum migration_status status; /* completed, failed or cancelled */
	enum migration_place place;
};

/* @result: of smudge_migrate_send or _receive, or of what came before. */
struct migration_outcome migration_outcome(bool incoming, int result);

#endif
