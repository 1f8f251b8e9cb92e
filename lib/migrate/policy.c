/* SPDX-License-Identifier: MIT */
/*
 * The policy a migration follows unless the caller brings one.
 *
 * It never gives up: a machine that dirties memory faster than the line takes
 * it is stopped at the round limit, and moves with a longer downtime.
 */
#include <smudge/migrate.h>

enum smudge_migrate_decision
smudge_migrate_default_policy(struct smudge_migrate_stats stats,
			      struct smudge_migrate_limits limits, void *opaque)
{
	if (stats.expected_downtime_ns <= limits.downtime_limit_ns)
		return SMUDGE_MIGRATE_SWITCH;
	if (stats.round >= limits.max_rounds)
		return SMUDGE_MIGRATE_SWITCH;
	return SMUDGE_MIGRATE_CONTINUE;
}
