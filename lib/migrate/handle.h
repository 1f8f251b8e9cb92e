/* SPDX-License-Identifier: MIT */
/*
 * The handle of a migration: through it other threads cancel, change limits and
 * read statistics while the migration runs.
 */
#ifndef LIB_MIGRATE_HANDLE_H
#define LIB_MIGRATE_HANDLE_H

#include <stdbool.h>

#include <smudge/migrate.h>

#include "stream/channel.h"

/*
 * smi_migration_begin - claim the handle for one send or receive
 *
 * Return: 0, -EINVAL (it was used before).
 */
int smi_migration_begin(struct smudge_migration *migration,
			struct smudge_error *err);

/* The send or receive has ended. Frees the handle if it was destroyed
 * meanwhile. */
void smi_migration_end(struct smudge_migration *migration);

/* Let other threads read these statistics. */
void smi_migration_publish(struct smudge_migration *migration,
			   const struct smudge_migrate_stats *stats);

/*
 * smi_migration_commit - from now on a cancel comes too late
 *
 * Return: false when a cancel came before.
 */
bool smi_migration_commit(struct smudge_migration *migration);

/*
 * smi_migration_channel_options - options of a channel that obeys the handle's
 *	cancel and its bandwidth limit
 * @timeout_ns: 0 means 30 s
 */
struct smi_channel_options
smi_migration_channel_options(struct smudge_migration *migration,
			      uint64_t timeout_ns);

/*
 * smi_migration_copy_limits - a program's limits, with the defaults filled in
 * @limits: the program's; NULL for the defaults
 *
 * Return: 0, -EINVAL or -E2BIG as smudge_migration_create.
 */
int smi_migration_copy_limits(struct smudge_migrate_limits *to,
			      const struct smudge_migrate_limits *limits,
			      struct smudge_error *err);

/* The limits of now, with the defaults filled in. */
struct smudge_migrate_limits
smi_migration_limits(struct smudge_migration *migration);

#endif
