/* SPDX-License-Identifier: MIT */
/*
 * The migration handle.
 *
 * limits, stats, used and nowners are guarded by the lock, which is never held
 * across a call that blocks. Cancelling takes no lock, so that a signal handler
 * may do it: it sets a flag and makes a descriptor readable that every wait
 * polls. Cancel and commit exchange the same word once, so whoever is first is
 * told so, and the other one too.
 */
#include "migrate/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DEFAULT_DOWNTIME_NS UINT64_C(300000000)
#define DEFAULT_MAX_ROUNDS  30

enum cancel_state {
	CANCEL_POSSIBLE,
	CANCEL_ASKED,
	CANCEL_TOO_LATE,
};

struct smudge_migration {
	pthread_mutex_t lock;
	struct smudge_migrate_limits limits;
	struct smudge_migrate_stats stats;
	bool used;
	unsigned int nowners;	 /* lock; the caller, and a call that runs */
	atomic_int cancel_state; /* enum cancel_state */
	int cancel_fd;
};

static struct smudge_migrate_limits
with_defaults(struct smudge_migrate_limits limits)
{
	if (!limits.downtime_limit_ns)
		limits.downtime_limit_ns = DEFAULT_DOWNTIME_NS;
	if (!limits.max_rounds)
		limits.max_rounds = DEFAULT_MAX_ROUNDS;
	return limits;
}

int smudge_migration_create(const struct smudge_migrate_limits *limits,
			    struct smudge_migration **ret)
{
	struct smudge_migration *migration = calloc(1, sizeof(*migration));
	int error;

	if (!migration)
		return -ENOMEM;
	migration->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (migration->cancel_fd < 0) {
		error = -errno;
		free(migration);
		return error;
	}
	pthread_mutex_init(&migration->lock, NULL);
	atomic_init(&migration->cancel_state, CANCEL_POSSIBLE);
	migration->nowners = 1;
	migration->limits = with_defaults(
		limits ? *limits : (struct smudge_migrate_limits){0});
	*ret = migration;
	return 0;
}

/* The last owner frees it. */
static void disown(struct smudge_migration *migration)
{
	bool is_last;

	pthread_mutex_lock(&migration->lock);
	is_last = --migration->nowners == 0;
	pthread_mutex_unlock(&migration->lock);
	if (!is_last)
		return;
	close(migration->cancel_fd);
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

/* From possible to @state, once. Return: the state before. */
static int leave_possible(struct smudge_migration *migration, int state)
{
	int before = CANCEL_POSSIBLE;

	/* acq_rel: the other of cancel and commit sees it, and what led to it
	 */
	atomic_compare_exchange_strong_explicit(
		&migration->cancel_state, &before, state, memory_order_acq_rel,
		memory_order_acquire);
	return before;
}

int smudge_migration_cancel(struct smudge_migration *migration)
{
	int saved_errno = errno; /* a signal handler must leave it alone */
	uint64_t one = 1;
	ssize_t written;

	if (leave_possible(migration, CANCEL_ASKED) == CANCEL_TOO_LATE)
		return -EALREADY;
	/* It fails only when the counter is full, and so readable already. */
	written = write(migration->cancel_fd, &one, sizeof(one));
	(void)written;
	errno = saved_errno;
	return 0;
}

bool smi_migration_commit(struct smudge_migration *migration)
{
	return leave_possible(migration, CANCEL_TOO_LATE) != CANCEL_ASKED;
}

bool smi_migration_is_cancelled(struct smudge_migration *migration)
{
	/* acquire: pairs with the exchange in leave_possible */
	return atomic_load_explicit(&migration->cancel_state,
				    memory_order_acquire) == CANCEL_ASKED;
}

int smi_migration_cancel_fd(const struct smudge_migration *migration)
{
	return migration->cancel_fd;
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

void smudge_migration_set_limits(struct smudge_migration *migration,
				 const struct smudge_migrate_limits *limits)
{
	struct smudge_migrate_limits filled = with_defaults(*limits);

	pthread_mutex_lock(&migration->lock);
	migration->limits = filled;
	pthread_mutex_unlock(&migration->lock);
}

struct smudge_migrate_limits
smudge_migration_limits(struct smudge_migration *migration)
{
	struct smudge_migrate_limits limits;

	pthread_mutex_lock(&migration->lock);
	limits = migration->limits;
	pthread_mutex_unlock(&migration->lock);
	return limits;
}

struct smudge_migrate_stats
smudge_migration_stats(struct smudge_migration *migration)
{
	struct smudge_migrate_stats stats;

	pthread_mutex_lock(&migration->lock);
	stats = migration->stats;
	pthread_mutex_unlock(&migration->lock);
	return stats;
}
