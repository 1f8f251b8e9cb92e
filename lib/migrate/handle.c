/* SPDX-License-Identifier: MIT */
/*
 * The migration handle.
 *
 * limits, stats, used and nowners are guarded by the lock, which is never held
 * across a call that blocks. Cancelling takes no lock, so that a signal handler
 * may do it (stream/cancel.h).
 */
#include "migrate/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "stream/cancel.h"
#include "sys/options.h"

#define DEFAULT_DOWNTIME_NS UINT64_C(300000000)
#define DEFAULT_MAX_ROUNDS  30

struct smudge_migration {
	pthread_mutex_t lock;
	struct smudge_migrate_limits limits;
	struct smudge_migrate_stats stats;
	bool used;
	unsigned int nowners; /* the caller, and a send or receive that runs */
	struct smi_cancel cancel;
};

int smi_migration_copy_limits(struct smudge_migrate_limits *to,
			      const struct smudge_migrate_limits *limits,
			      struct smudge_error *err)
{
	const struct smudge_migrate_limits none = {.size = sizeof(none)};
	int ret = smi_sys_options_copy(
		to, limits ? limits : &none,
		SMI_SYS_SHAPE(smudge_migrate_limits, max_rounds), "migrate",
		err);

	if (ret < 0)
		return ret;
	to->size = sizeof(*to);
	if (!to->downtime_limit_ns)
		to->downtime_limit_ns = DEFAULT_DOWNTIME_NS;
	if (!to->max_rounds)
		to->max_rounds = DEFAULT_MAX_ROUNDS;
	return 0;
}

int smudge_migration_create(const struct smudge_migrate_limits *limits,
			    struct smudge_migration **ret_migration,
			    struct smudge_error *err)
{
	struct smudge_migrate_limits filled;
	struct smudge_migration *migration;
	int ret;

	smudge_error_clear(err);
	ret = smi_migration_copy_limits(&filled, limits, err);
	if (ret < 0)
		return ret;
	migration = calloc(1, sizeof(*migration));
	if (!migration)
		return smudge_error_set(err, -ENOMEM, "migrate",
					"no memory for a migration");
	ret = smi_cancel_open(&migration->cancel);
	if (ret < 0) {
		free(migration);
		return smudge_error_set(err, ret, "migrate",
					"a migration needs a descriptor to be "
					"cancelled by: %s",
					strerror(-ret));
	}
	pthread_mutex_init(&migration->lock, NULL);
	migration->nowners = 1;
	migration->limits = filled;
	*ret_migration = migration;
	return 0;
}

/* An owner leaves; the last one frees the handle. */
static void disown(struct smudge_migration *migration)
{
	bool is_last;

	pthread_mutex_lock(&migration->lock);
	is_last = --migration->nowners == 0;
	pthread_mutex_unlock(&migration->lock);
	if (!is_last)
		return;
	smi_cancel_close(&migration->cancel);
	pthread_mutex_destroy(&migration->lock);
	free(migration);
}

void smudge_migration_destroy(struct smudge_migration *migration)
{
	if (migration)
		disown(migration);
}

void smi_migration_end(struct smudge_migration *migration)
{
	disown(migration);
}

int smudge_migration_cancel(struct smudge_migration *migration)
{
	return smi_cancel_request(&migration->cancel);
}

bool smi_migration_commit(struct smudge_migration *migration)
{
	return smi_cancel_commit(&migration->cancel);
}

struct smudge_migrate_limits
smi_migration_limits(struct smudge_migration *migration)
{
	struct smudge_migrate_limits limits;

	pthread_mutex_lock(&migration->lock);
	limits = migration->limits;
	pthread_mutex_unlock(&migration->lock);
	return limits;
}

static uint64_t bandwidth_limit(void *opaque)
{
	return smi_migration_limits(opaque).max_bandwidth_bytes_ps;
}

struct smi_channel_options
smi_migration_channel_options(struct smudge_migration *migration,
			      uint64_t timeout_ns)
{
	return (struct smi_channel_options){
		.activity = "the migration",
		.cancel = &migration->cancel,
		.timeout_ns = timeout_ns,
		.rate_limit_bytes_ps = bandwidth_limit,
		.opaque = migration,
	};
}

int smi_migration_begin(struct smudge_migration *migration,
			struct smudge_error *err)
{
	bool used;

	pthread_mutex_lock(&migration->lock);
	used = migration->used;
	migration->used = true;
	migration->nowners += !used;
	pthread_mutex_unlock(&migration->lock);
	if (used)
		return smudge_error_set(err, -EINVAL, "migrate",
					"a migration handle is good for one "
					"migration, this one was used before");
	return 0;
}

void smi_migration_publish(struct smudge_migration *migration,
			   const struct smudge_migrate_stats *stats)
{
	pthread_mutex_lock(&migration->lock);
	migration->stats = *stats;
	pthread_mutex_unlock(&migration->lock);
}

int smudge_migration_set_limits(struct smudge_migration *migration,
				const struct smudge_migrate_limits *limits,
				struct smudge_error *err)
{
	struct smudge_migrate_limits filled;
	int ret;

	smudge_error_clear(err);
	ret = smi_migration_copy_limits(&filled, limits, err);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&migration->lock);
	migration->limits = filled;
	pthread_mutex_unlock(&migration->lock);
	return 0;
}

int smudge_migration_limits(struct smudge_migration *migration,
			    struct smudge_migrate_limits *limits)
{
	struct smudge_migrate_limits now = smi_migration_limits(migration);

	return smi_sys_stats_copy(
		limits, &now, SMI_SYS_SHAPE(smudge_migrate_limits, max_rounds));
}

int smudge_migration_stats(struct smudge_migration *migration,
			   struct smudge_migrate_stats *stats)
{
	struct smudge_migrate_stats now;

	pthread_mutex_lock(&migration->lock);
	now = migration->stats;
	pthread_mutex_unlock(&migration->lock);
	return smi_sys_stats_copy(
		stats, &now,
		SMI_SYS_SHAPE(smudge_migrate_stats, bitmap_peak_bytes));
}
