/* SPDX-License-Identifier: MIT */
/*
 * The state of migrations: begin, status, limits, report, end.
 *
 * Invariant: the job's handle lives until the next job begins or the
 * migration is destroyed, so a report can always read it under `lock`.
 */
#include "migration_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host.h"

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

static bool in_progress(enum migration_status status)
{
	return status == MIGRATION_SETUP || status == MIGRATION_ACTIVE ||
	       status == MIGRATION_CANCELLING;
}

bool migration_is_running(struct migration *migration)
{
	bool running;

	pthread_mutex_lock(&migration->lock);
	running = in_progress(migration->status);
	pthread_mutex_unlock(&migration->lock);
	return running;
}

int migration_create(const struct migration_options *options,
		     struct migration **ret, struct smudge_error *err)
{
	struct migration *migration = calloc(1, sizeof(*migration));
	int code;

	if (!migration)
		return smudge_error_set(err, -ENOMEM, "migration",
					"out of memory");
	migration->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (migration->cancel_fd < 0) {
		code = -errno;
		free(migration);
		return smudge_error_set(err, code, "migration",
					"cannot make an eventfd: %s",
					strerror(-code));
	}
	migration->machine = options->machine;
	migration->options = *options;
	migration->listen_fd = -1;
	migration->autostart = true;
	pthread_mutex_init(&migration->run_lock, NULL);
	pthread_mutex_init(&migration->lock, NULL);
	*ret = migration;
	return 0;
}

static void join_thread(struct migration *migration)
{
	if (migration->has_thread)
		pthread_join(migration->thread, NULL);
	migration->has_thread = false;
}

void migration_wait(struct migration *migration)
{
	if (migration)
		join_thread(migration);
}

void migration_destroy(struct migration *migration)
{
	if (!migration)
		return;
	migration_cancel(migration);
	join_thread(migration);
	smudge_migration_destroy(migration->job);
	close(migration->cancel_fd);
	pthread_mutex_destroy(&migration->lock);
	pthread_mutex_destroy(&migration->run_lock);
	free(migration);
}

static void new_job(struct migration *migration, struct smudge_migration *job,
		    bool incoming)
{
	uint64_t count;

	/* an old cancel must not meet the new job */
	while (read(migration->cancel_fd, &count, sizeof(count)) < 0 &&
	       errno == EINTR)
		;
	pthread_mutex_lock(&migration->lock);
	smudge_migration_destroy(migration->job);
	migration->job = job;
	migration->incoming = incoming;
	migration->cancelled = false;
	migration->has_listened = false;
	migration->started_ns = host_now_ns();
	migration->setup_ns = 0;
	migration->total_ns = 0;
	memset(&migration->error, 0, sizeof(migration->error));
	migration->status = MIGRATION_SETUP;
	pthread_mutex_unlock(&migration->lock);
}

int migration_begin(struct migration *migration, bool incoming,
		    struct smudge_error *err)
{
	struct smudge_migrate_limits limits = migration_limits(migration);
	struct smudge_migration *job = NULL;
	int rc;

	if (migration_is_running(migration))
		return smudge_error_set(err, -EBUSY, "migration",
					"There's a migration process in "
					"progress");
	join_thread(migration);
	rc = smudge_migration_create(&limits, &job);
	if (rc)
		return smudge_error_set(err, rc, "migration",
					"cannot begin a migration: %s",
					strerror(-rc));
	new_job(migration, job, incoming);
	migration->options.changed(migration->options.opaque, MIGRATION_SETUP);
	return 0;
}

int migration_spawn(struct migration *migration, void *(*run)(void *),
		    struct smudge_error *err)
{
	int rc = -pthread_create(&migration->thread, NULL, run, migration);

	if (rc) {
		smudge_error_set(err, rc, "migration",
				 "cannot start the migration's thread: %s",
				 strerror(-rc));
		migration_finish(migration, rc, err);
		return rc;
	}
	migration->has_thread = true;
	return 0;
}

void migration_activate(struct migration *migration)
{
	bool activated = false;

	pthread_mutex_lock(&migration->lock);
	if (migration->status == MIGRATION_SETUP) {
		migration->status = MIGRATION_ACTIVE;
		migration->setup_ns = host_now_ns() - migration->started_ns;
		activated = true;
	}
	pthread_mutex_unlock(&migration->lock);
	if (activated)
		migration->options.changed(migration->options.opaque,
					   MIGRATION_ACTIVE);
}

void migration_finish(struct migration *migration, int result,
		      const struct smudge_error *err)
{
	enum migration_status status = MIGRATION_COMPLETED;

	pthread_mutex_lock(&migration->lock);
	if (result && migration->cancelled)
		status = MIGRATION_CANCELLED;
	else if (result)
		status = MIGRATION_FAILED;
	if (status == MIGRATION_FAILED)
		migration->error = *err;
	migration->total_ns = host_now_ns() - migration->started_ns;
	migration->status = status;
	pthread_mutex_unlock(&migration->lock);
	migration->options.changed(migration->options.opaque, status);
}

void migration_cancel(struct migration *migration)
{
	const uint64_t one = 1;
	bool changed = false;

	if (!migration)
		return;
	pthread_mutex_lock(&migration->lock);
	if (in_progress(migration->status)) {
		changed = migration->status != MIGRATION_CANCELLING;
		migration->status = MIGRATION_CANCELLING;
		migration->cancelled = true;
		smudge_migration_cancel(migration->job);
		/* fails only when full, and then it is readable */
		if (write(migration->cancel_fd, &one, sizeof(one)) < 0)
			errno = 0;
	}
	pthread_mutex_unlock(&migration->lock);
	if (changed)
		migration->options.changed(migration->options.opaque,
					   MIGRATION_CANCELLING);
}

struct smudge_migrate_limits migration_limits(struct migration *migration)
{
	struct smudge_migrate_limits limits;

	pthread_mutex_lock(&migration->lock);
	limits = migration->limits;
	pthread_mutex_unlock(&migration->lock);
	return limits;
}

void migration_set_limits(struct migration *migration,
			  const struct smudge_migrate_limits *limits)
{
	pthread_mutex_lock(&migration->lock);
	migration->limits = *limits;
	if (in_progress(migration->status))
		smudge_migration_set_limits(migration->job, limits);
	pthread_mutex_unlock(&migration->lock);
}

void migration_report(struct migration *migration, struct migration_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	pthread_mutex_lock(&migration->lock);
	ret->status = migration->status;
	ret->incoming = migration->incoming;
	ret->setup_ns = migration->setup_ns;
	ret->total_ns = migration->total_ns;
	if (in_progress(migration->status))
		ret->total_ns = host_now_ns() - migration->started_ns;
	ret->has_listened = migration->has_listened;
	ret->listened = migration->listened;
	ret->error = migration->error;
	if (migration->job)
		ret->stats = smudge_migration_stats(migration->job);
	pthread_mutex_unlock(&migration->lock);
}
