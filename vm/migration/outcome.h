/* SPDX-License-Identifier: MIT */
/*
 * The outcome of a migration, and where the guest is.
 *
 * It is derived in one place from the library's result, which follows from
 * what happened. QMP's status and event, what may be done with the guest
 * afterwards, the sentences and the exit status follow from it.
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
