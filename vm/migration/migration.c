/* SPDX-License-Identifier: MIT */
/*
 * The state of migrations: begin, status, limits, report, end.
 *
 * Invariant: the job's handle lives until the next job begins or the
 * migration is destroyed, so a report can always read it under `lock`.
 */
#include "migration/job.h"

#include "migration/outcome.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/host.h"

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
	migration->limits.size = sizeof(migration->limits);
	migration->listen_fd = -1;
	pthread_mutex_init(&migration->start_lock, NULL);
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

bool migration_end(struct migration *migration, struct migration_report *ret)
{
	bool was_running;

	memset(ret, 0, sizeof(*ret));
	if (!migration)
		return false;
	pthread_mutex_lock(&migration->start_lock);
	run_control_end(migration->machine);
	pthread_mutex_unlock(&migration->start_lock);
	was_running = migration_is_running(migration);
	/* a migration that cannot be cancelled any more is waited for too */
	(void)migration_cancel(migration, NULL);
	join_thread(migration);
	migration_report(migration, ret);
	return was_running;
}

void migration_destroy(struct migration *migration)
{
	struct migration_report ignored;

	if (!migration)
		return;
	migration_end(migration, &ignored);
	smudge_migration_destroy(migration->job);
	close(migration->cancel_fd);
	pthread_mutex_destroy(&migration->lock);
	pthread_mutex_destroy(&migration->start_lock);
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
	migration->place = MIGRATION_AT_SOURCE;
	migration->has_listened = false;
	migration->started_ns = host_now_ns();
	migration->setup_ns = 0;
	migration->total_ns = 0;
	memset(&migration->error, 0, sizeof(migration->error));
	migration->status = MIGRATION_SETUP;
	pthread_mutex_unlock(&migration->lock);
}

int migration_check_idle(struct migration *migration, struct smudge_error *err)
{
	if (!migration_is_running(migration))
		return 0;
	return smudge_error_set(err, -EBUSY, "migration",
				"There's a migration process in progress");
}

int migration_begin(struct migration *migration, bool incoming,
		    struct smudge_error *err)
{
	struct smudge_migrate_limits limits = migration_limits(migration);
	struct smudge_migration *job = NULL;
	int ret = migration_check_idle(migration, err);

	if (ret)
		return ret;
	join_thread(migration);
	ret = smudge_migration_create(&limits, &job, err);
	if (ret)
		return ret;
	new_job(migration, job, incoming);
	migration->options.changed(migration->options.opaque, MIGRATION_SETUP);
	return 0;
}

int migration_start(struct migration *migration, const char *text,
		    int (*start)(struct migration *migration,
				 struct migration_uri *uri,
				 struct smudge_error *err),
		    struct smudge_error *err)
{
	struct migration_uri uri;
	int ret = migration_uri_parse(text, &uri, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&migration->start_lock);
	ret = start(migration, &uri, err);
	pthread_mutex_unlock(&migration->start_lock);
	return ret;
}

int migration_renew(struct migration *migration, struct smudge_error *err)
{
	struct smudge_migrate_limits limits = migration_limits(migration);
	struct smudge_migration *job = NULL;
	int ret = smudge_migration_create(&limits, &job, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&migration->lock);
	smudge_migration_destroy(migration->job);
	migration->job = job;
	pthread_mutex_unlock(&migration->lock);
	return 0;
}

int migration_spawn(struct migration *migration, void *(*run)(void *),
		    struct smudge_error *err)
{
	int ret = -pthread_create(&migration->thread, NULL, run, migration);

	if (ret) {
		smudge_error_set(err, ret, "migration",
				 "cannot start the migration's thread: %s",
				 strerror(-ret));
		migration_finish(migration, ret, err);
		return ret;
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

static enum guest_place guest_place(enum migration_place place)
{
	switch (place) {
	case MIGRATION_AT_SOURCE:
		return GUEST_HERE;
	case MIGRATION_AT_DESTINATION:
		return GUEST_AWAY;
	case MIGRATION_AT_UNKNOWN:
		break;
	}
	return GUEST_UNCONFIRMED;
}

void migration_finish(struct migration *migration, int result,
		      const struct smudge_error *err)
{
	struct migration_outcome end =
		migration_outcome(migration->incoming, result);

	/* before the place is set: from then on the user may take it back */
	pthread_mutex_lock(&migration->lock);
	migration->place = end.place;
	pthread_mutex_unlock(&migration->lock);
	/* before the status: a user who sees it may use the guest */
	if (!migration->incoming)
		run_control_set_place(migration->machine,
				      guest_place(end.place));
	pthread_mutex_lock(&migration->lock);
	if (end.status == MIGRATION_FAILED)
		migration->error = *err;
	migration->total_ns = host_now_ns() - migration->started_ns;
	migration->status = end.status;
	pthread_mutex_unlock(&migration->lock);
	migration->options.changed(migration->options.opaque, end.status);
}

static int came_too_late(enum smudge_migrate_phase phase,
			 struct smudge_error *err)
{
	const char *why = "the guest is being handed over to the destination";

	if (phase == SMUDGE_MIGRATE_COMPLETED)
		why = "the guest was migrated away";
	else if (phase == SMUDGE_MIGRATE_UNCONFIRMED)
		why = "the guest was handed over, but the destination did not "
		      "confirm";
	return smudge_error_set(err, -EALREADY, "migration",
				"the cancel came too late: %s", why);
}

static enum smudge_migrate_phase phase_of(struct smudge_migration *job)
{
	struct smudge_migrate_stats stats = {.size = sizeof(stats)};

	/* it fails only for a size too small */
	(void)smudge_migration_stats(job, &stats);
	return stats.phase;
}

/* With the lock held; a migration runs. */
static int cancel_job(struct migration *migration, struct smudge_error *err)
{
	const uint64_t one = 1;
	enum smudge_migrate_phase phase;

	if (smudge_migration_cancel(migration->job)) {
		phase = phase_of(migration->job);
		/* it has just failed: the guest stays, as was asked */
		if (phase == SMUDGE_MIGRATE_FAILED ||
		    phase == SMUDGE_MIGRATE_CANCELLED)
			return 0;
		return came_too_late(phase, err);
	}
	migration->status = MIGRATION_CANCELLING;
	/* fails only when full, and then it is readable */
	if (write(migration->cancel_fd, &one, sizeof(one)) < 0)
		errno = 0;
	return 0;
}

/* With the lock held; none runs. */
static int cancel_nothing(struct migration *migration, struct smudge_error *err)
{
	if (migration->incoming || migration->place == MIGRATION_AT_SOURCE)
		return 0;
	return came_too_late(phase_of(migration->job), err);
}

int migration_cancel(struct migration *migration, struct smudge_error *err)
{
	bool changed = false;
	int ret;

	pthread_mutex_lock(&migration->lock);
	if (in_progress(migration->status)) {
		changed = migration->status != MIGRATION_CANCELLING;
		ret = cancel_job(migration, err);
		changed = changed && migration->status == MIGRATION_CANCELLING;
	} else {
		ret = cancel_nothing(migration, err);
	}
	pthread_mutex_unlock(&migration->lock);
	if (changed)
		migration->options.changed(migration->options.opaque,
					   MIGRATION_CANCELLING);
	return ret;
}

int migration_take_back(struct migration *migration, struct smudge_error *err)
{
	int ret = run_control_take_back(migration->machine, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&migration->lock);
	migration->place = MIGRATION_AT_SOURCE;
	pthread_mutex_unlock(&migration->lock);
	return 0;
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
		(void)smudge_migration_set_limits(migration->job, limits, NULL);
	pthread_mutex_unlock(&migration->lock);
}

void migration_report(struct migration *migration, struct migration_report *ret)
{
	memset(ret, 0, sizeof(*ret));
	pthread_mutex_lock(&migration->lock);
	ret->status = migration->status;
	ret->place = migration->place;
	ret->incoming = migration->incoming;
	ret->setup_ns = migration->setup_ns;
	ret->total_ns = migration->total_ns;
	if (in_progress(migration->status))
		ret->total_ns = host_now_ns() - migration->started_ns;
	ret->has_listened = migration->has_listened;
	ret->listened = migration->listened;
	ret->error = migration->error;
	ret->stats.size = sizeof(ret->stats);
	if (migration->job)
		(void)smudge_migration_stats(migration->job, &ret->stats);
	pthread_mutex_unlock(&migration->lock);
}
