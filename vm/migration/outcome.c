/* SPDX-License-Identifier: MIT */
/*
 * The outcome of a migration.
 *
 * A request to cancel is not an outcome: it may have come too late, or the
 * migration may have failed first. The library returns -ECANCELED only when it
 * obeyed a cancel, and -EOWNERDEAD only when the machine was handed over and
 * not confirmed.
 */
#include "migration/outcome.h"

#include <errno.h>

const char *migration_status_name(enum migration_status status)
{
	static const char *const names[] = {
		[MIGRATION_NONE] = "none",
		[MIGRATION_SETUP] = "setup",
		[MIGRATION_ACTIVE] = "active",
		[MIGRATION_CANCELLING] = "cancelling",
		[MIGRATION_COMPLETED] = "completed",
		[MIGRATION_FAILED] = "failed",
		[MIGRATION_CANCELLED] = "cancelled",
	};

	return names[status];
}

const char *migration_place_name(enum migration_place place)
{
	static const char *const names[] = {
		[MIGRATION_AT_SOURCE] = "source",
		[MIGRATION_AT_DESTINATION] = "destination",
		[MIGRATION_AT_UNKNOWN] = "unknown",
	};

	return names[place];
}

struct migration_outcome migration_outcome(bool incoming, int result)
{
	struct migration_outcome outcome = {MIGRATION_FAILED,
					    MIGRATION_AT_SOURCE};

	if (result == 0) {
		outcome.status = MIGRATION_COMPLETED;
		outcome.place = MIGRATION_AT_DESTINATION;
	} else if (result == -ECANCELED) {
		outcome.status = MIGRATION_CANCELLED;
	} else if (result == -EOWNERDEAD && !incoming) {
		outcome.place = MIGRATION_AT_UNKNOWN;
	}
	return outcome;
}
