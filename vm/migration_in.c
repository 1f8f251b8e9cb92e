/* SPDX-License-Identifier: MIT */
/*
 * The receiving side: listen, accept one peer, and link the library's
 * receiver to the machine.
 *
 * The machine's state is loaded before the acknowledgement, and the machine
 * started after it: until then the sender may run it on.
 */
#include "migration_job.h"

#include "bytes.h"
#include "say.h"

#include <errno.h>
#include <unistd.h>

#define STATE_HEADER_BYTES 8

static int load_state(void *opaque, const void *bytes, size_t length,
		      struct smudge_error *err)
{
	struct migration *migration = opaque;
	struct vm_reader reader = {.bytes = bytes, .len = length};
	uint32_t version = vm_read32(&reader);
	uint32_t flags = vm_read32(&reader);

	if (reader.failed)
		return smudge_error_set(err, -EINVAL, "migration",
					"the machine's state is cut off");
	if (version != MIGRATION_STATE_VERSION)
		return smudge_error_set(err, -EINVAL, "migration",
					"the machine's state has version %u; "
					"this smudge-vm knows version %u",
					version, MIGRATION_STATE_VERSION);
	if (flags & ~MIGRATION_STATE_RUNNING)
		return smudge_error_set(err, -EINVAL, "migration",
					"the machine's state has unknown flags "
					"%#x",
					flags);
	pthread_mutex_lock(&migration->run_lock);
	migration->was_running = flags & MIGRATION_STATE_RUNNING;
	pthread_mutex_unlock(&migration->run_lock);
	return machine_load_state(migration->machine,
				  (const uint8_t *)bytes + STATE_HEADER_BYTES,
				  length - STATE_HEADER_BYTES, err);
}

static int start_arrived(struct migration *migration, struct smudge_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&migration->run_lock);
	if (migration->autostart && migration->was_running)
		rc = machine_resume(migration->machine);
	else
		machine_set_run_state(migration->machine, MACHINE_PAUSED);
	pthread_mutex_unlock(&migration->run_lock);
	if (rc)
		return smudge_error_set(err, rc, "migration",
					"the guest arrived but does not run");
	return 0;
}

static void stop_listening(struct migration *migration)
{
	migration_unlisten(&migration->uri, migration->listen_fd);
	migration->listen_fd = -1;
}

static int receive(struct migration *migration, int fd,
		   struct smudge_error *err)
{
	const struct smudge_migrate_receive_options options = {
		.size = sizeof(options),
		.opaque = migration,
		.state_load = load_state,
	};
	int rc;

	migration_activate(migration);
	rc = smudge_migrate_receive(migration->job,
				    machine_memory(migration->machine), fd,
				    &options, err);
	return rc ? rc : start_arrived(migration, err);
}

static void *receive_thread(void *opaque)
{
	struct migration *migration = opaque;
	struct smudge_error err = {0};
	int fd = -1;
	int rc;

	rc = migration_accept(migration->listen_fd, migration->cancel_fd, &fd,
			      &err);
	stop_listening(migration);
	if (!rc) {
		rc = receive(migration, fd, &err);
		close(fd);
	}
	if (rc && rc != -ECANCELED)
		say("incoming migration failed: %s", err.message);
	migration_finish(migration, rc, &err);
	/* what was written of RAM is not a machine any more */
	if (rc)
		machine_request_exit(migration->machine, MACHINE_EXIT_ERROR, 1);
	return NULL;
}

int migration_start_incoming(struct migration *migration, const char *text,
			     struct smudge_error *err)
{
	struct migration_uri uri;
	int fd = -1;
	int rc = migration_uri_parse(text, &uri, err);

	if (!rc && machine_run_state(migration->machine) != MACHINE_INMIGRATE)
		rc = smudge_error_set(err, -EBUSY, "migration",
				      "no migration is expected: this machine "
				      "was not started with --incoming");
	if (!rc && migration_is_running(migration))
		rc = smudge_error_set(err, -EBUSY, "migration",
				      "The incoming migration has already been "
				      "started");
	if (!rc)
		rc = migration_listen(&uri, &fd, err);
	if (rc)
		return rc;
	rc = migration_begin(migration, true, err);
	if (rc) {
		migration_unlisten(&uri, fd);
		return rc;
	}
	migration->uri = uri;
	migration->listen_fd = fd;
	pthread_mutex_lock(&migration->lock);
	migration->listened = migration_listen_address(&uri, fd);
	migration->has_listened = true;
	pthread_mutex_unlock(&migration->lock);
	return migration_spawn(migration, receive_thread, err);
}
