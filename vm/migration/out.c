/* SPDX-License-Identifier: MIT */
/*
 * The sending side: connect, and link the library's sender to the machine.
 *
 * Invariant: from stop_machine until the sender's end `switching` is set, and
 * nobody but this file starts the machine.
 */
#include "migration/job.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int stop_machine(void *opaque)
{
	struct migration *migration = opaque;
	struct machine *machine = migration->machine;
	int rc = 0;

	pthread_mutex_lock(&migration->run_lock);
	migration->switching = true;
	migration->state_before = MACHINE_PAUSED;
	migration->was_running = machine_pause(machine, MACHINE_FINISH_MIGRATE);
	if (!migration->was_running) {
		migration->state_before = machine_run_state(machine);
		/* a guest that ended or failed is no machine to send */
		if (migration->state_before == MACHINE_SHUTDOWN ||
		    migration->state_before == MACHINE_INTERNAL_ERROR)
			rc = -ESHUTDOWN;
		else
			machine_set_run_state(machine, MACHINE_FINISH_MIGRATE);
	}
	if (rc)
		migration->switching = false;
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}

/* A failed migration: as it was before stop_machine. */
static void resume_machine(void *opaque)
{
	struct migration *migration = opaque;

	pthread_mutex_lock(&migration->run_lock);
	if (machine_run_state(migration->machine) == MACHINE_FINISH_MIGRATE) {
		if (migration->was_running && !migration->ending)
			machine_resume(migration->machine);
		else
			machine_set_run_state(migration->machine,
					      migration->state_before);
	}
	migration->switching = false;
	pthread_mutex_unlock(&migration->run_lock);
}

static int save_state(void *opaque, void **ret_bytes, size_t *ret_length)
{
	struct migration *migration = opaque;
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	uint32_t flags;
	int rc;

	pthread_mutex_lock(&migration->run_lock);
	flags = migration->was_running ? MIGRATION_STATE_RUNNING : 0;
	pthread_mutex_unlock(&migration->run_lock);
	vm_buf_put32(&buf, MIGRATION_STATE_VERSION);
	vm_buf_put32(&buf, flags);
	rc = machine_save_state(migration->machine, &buf, &err);
	if (!rc && buf.failed)
		rc = -ENOMEM;
	if (rc) {
		vm_buf_free(&buf);
		return rc;
	}
	*ret_bytes = buf.bytes;
	*ret_length = buf.len;
	return 0;
}

static void note_progress(struct smudge_migrate_stats stats, void *opaque)
{
	if (stats.phase >= SMUDGE_MIGRATE_ROUNDS &&
	    stats.phase <= SMUDGE_MIGRATE_COMPLETED)
		migration_activate(opaque);
}

static void *send_thread(void *opaque)
{
	struct migration *migration = opaque;
	const struct smudge_migrate_send_options options = {
		.size = sizeof(options),
		.opaque = migration,
		.machine_stop = stop_machine,
		.machine_resume = resume_machine,
		.state_save = save_state,
		.progress = note_progress,
	};
	struct smudge_error err = {0};
	int fd = -1;
	int rc;

	rc = migration_connect(&migration->uri, migration->cancel_fd, &fd,
			       &err);
	if (!rc) {
		rc = smudge_migrate_send(migration->job,
					 machine_memory(migration->machine), fd,
					 &options, &err);
		close(fd);
	}
	migration_finish(migration, rc, &err);
	return NULL;
}

static int check_sendable(struct migration *migration, struct smudge_error *err)
{
	int rc = 0;

	if (machine_run_state(migration->machine) == MACHINE_INMIGRATE)
		return smudge_error_set(err, -EBUSY, "migration",
					"Guest is waiting for an incoming "
					"migration");
	/* one that runs is migration_begin's to name */
	if (migration_is_running(migration))
		return 0;
	pthread_mutex_lock(&migration->run_lock);
	rc = migration_check_here(migration, err);
	pthread_mutex_unlock(&migration->run_lock);
	return rc;
}

/* With start_lock held. */
static int start(struct migration *migration, const struct migration_uri *uri,
		 struct smudge_error *err)
{
	int rc = check_sendable(migration, err);

	if (!rc)
		rc = migration_begin(migration, false, err);
	if (rc)
		return rc;
	migration->uri = *uri;
	return migration_spawn(migration, send_thread, err);
}

int migration_start_outgoing(struct migration *migration, const char *text,
			     struct smudge_error *err)
{
	struct migration_uri uri;
	int rc = migration_uri_parse(text, &uri, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&migration->start_lock);
	rc = start(migration, &uri, err);
	pthread_mutex_unlock(&migration->start_lock);
	return rc;
}
