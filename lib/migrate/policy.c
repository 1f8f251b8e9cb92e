/* SPDX-License-Identifier: MIT */
/*
 * The policy of a migration whose caller has none.
 *
 * It never gives up: a machine that dirties memory faster than the line can
 * send it is stopped at the round limit, and its downtime is longer.
 */
#include <smudge/migrate.h>

enum smudge_migrate_decision
smudge_migrate_default_policy(const struct smudge_migrate_stats *stats,
			      const struct smudge_migrate_limits *limits,
			      void *opaque)
{
	if (stats->expected_downtime_ns <= limits->downtime_limit_ns)
		return SMUDGE_MIGRATE_SWITCH;
	if (stats->round >= limits->max_rounds)
		return SMUDGE_MIGRATE_SWITCH;
	return SMUDGE_MIGRATE_CONTINUE;
}
