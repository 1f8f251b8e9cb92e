/* SPDX-License-Identifier: MIT */
/*
 * How smudge-vm reports a migration's result, at both ends: the status in QMP,
 * and where the guest is.
 */
#include <errno.h>
#include <string.h>

#include "support.h"

#include "migration/outcome.h"

static const struct {
	bool incoming;
	int result;
	const char *status;
	const char *place;
} table[] = {
	{false, 0, "completed", "destination"},
	{false, -EOWNERDEAD, "failed", "unknown"},
	{false, -ECANCELED, "cancelled", "source"},
	{false, -ECONNRESET, "failed", "source"},
	{false, -EREMOTEIO, "failed", "source"},
	{true, 0, "completed", "destination"},
	{true, -ECANCELED, "cancelled", "source"},
	{true, -EBADMSG, "failed", "source"},
	/* a receiver knows whether it has the machine */
	{true, -EOWNERDEAD, "failed", "source"},
};

static void each_result(void **state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct migration_outcome found =
			migration_outcome(table[i].incoming, table[i].result);
		const char *status = migration_status_name(found.status);
		const char *place = migration_place_name(found.place);

		if (strcmp(status, table[i].status) != 0 ||
		    strcmp(place, table[i].place) != 0)
			fail_msg("row %zu: %s at %s", i, status, place);
	}
}

TEST_MAIN(each_result)
