/* SPDX-License-Identifier: MIT */
/*
 * The sending side: connect, and link the library's sender to the machine.
 */
#include "migration/job.h"

#include "base/bytes.h"
#include "machine/moment.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int stop_machine(void *opaque)
{
	struct migration *migration = opaque;

	return run_control_leave(migration->machine, &migration->was_running);
}

static void resume_machine(void *opaque)
{
	struct migration *migration = opaque;

	run_control_come_back(migration->machine);
}

static int save_state(void *opaque, void **ret_bytes, size_t *ret_length)
{
	struct migration *migration = opaque;
	struct smudge_error err = {0};
	struct vm_buf buf = {0};
	int ret;

	ret = moment_save(migration->machine, migration->was_running, &buf,
			  &err);
	if (!ret && buf.failed)
		ret = -ENOMEM;
	if (ret) {
		vm_buf_free(&buf);
		return ret;
	}
	*ret_bytes = buf.bytes;
	*ret_length = buf.len;
	return 0;
}

static void note_progress(const struct smudge_migrate_stats *stats,
			  void *opaque)
{
	if (stats->phase >= SMUDGE_MIGRATE_ROUNDS &&
	    stats->phase <= SMUDGE_MIGRATE_COMPLETED)
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
	int ret;

	ret = migration_connect(&migration->uri, migration->cancel_fd, &fd,
				&err);
	if (!ret) {
		ret = smudge_migrate_send(migration->job,
					  machine_memory(migration->machine),
					  fd, &options, &err);
		close(fd);
	}
	migration_finish(migration, ret, &err);
	return NULL;
}

static int check_sendable(struct migration *migration, struct smudge_error *err)
{
	int ret;

	if (machine_run_state(migration->machine) == MACHINE_INMIGRATE)
		return smudge_error_set(err, -EBUSY, "migration",
					"Guest is waiting for an incoming "
					"migration");
	/* first: a job that ends in between may hand the guest over */
	ret = migration_check_idle(migration, err);
	return ret ? ret : run_control_check(migration->machine, err);
}

/* With start_lock held. */
static int start(struct migration *migration, struct migration_uri *uri,
		 struct smudge_error *err)
{
	int ret = check_sendable(migration, err);

	if (!ret)
		ret = migration_begin(migration, false, err);
	if (ret)
		return ret;
	migration->uri = *uri;
	return migration_spawn(migration, send_thread, err);
}

int migration_start_outgoing(struct migration *migration, const char *text,
			     struct smudge_error *err)
{
	return migration_start(migration, text, start, err);
}
