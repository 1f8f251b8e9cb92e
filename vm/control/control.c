/* SPDX-License-Identifier: MIT */
/*
 * Connects the QMP server, its commands, the migration, checkpoints and VNC to
 * one machine.
 *
 * Events come from the machine's listener, from the migration and from
 * checkpoints, on their threads; the server accepts them from any thread.
 */
#include "control/control.h"

#include "control/commands.h"
#include "base/say.h"
#include "base/unix_listen.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/lazy.h"
#include "checkpoint/restore.h"
#include "machine/machine.h"
#include "machine/run_control.h"
#include "migration/migration.h"
#include "migration/socket.h"
#include "qmp/server.h"
#include "rate/rate.h"
#include "vnc/vnc.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control {
	const struct control_config *config;
	struct control_target target;
	struct qmp_server *server; /* NULL without --qmp */
	pthread_mutex_t lock;	   /* guards server until it is started */
	bool is_to_start;
	bool is_stopped;
	bool was_migrating;	     /* when it was stopped */
	struct migration_report end; /* its outcome */
};

static void state_changed(void *opaque, enum machine_run_state from,
			  enum machine_run_state to)
{
	struct control *control = opaque;

	if (to == MACHINE_RUNNING)
		qmp_server_event(control->server, "RESUME", NULL);
	else if (from == MACHINE_RUNNING)
		qmp_server_event(control->server, "STOP", NULL);
}

static void migration_changed(void *opaque, enum migration_status status)
{
	struct control *control = opaque;

	if (control->server)
		qmp_server_event(control->server, "MIGRATION",
				 json_pack("{s:s}", "status",
					   migration_status_name(status)));
}

static void checkpoint_ended(void *opaque, const struct checkpoint_job *job)
{
	struct control *control = opaque;

	if (control->server)
		qmp_server_event(control->server, "X_SMUDGE_CHECKPOINT",
				 control_checkpoint_event(job));
}

/* What reads the memory must let nothing of it out. */
static void memory_lost(void *opaque)
{
	struct control *control = opaque;

	(void)checkpoints_cancel(control->target.checkpoints, 0, NULL);
	(void)migration_cancel(control->target.migration, NULL);
}

/*
 * With --qmp the process stays, so that its user can ask what happened. Without
 * it the end of the process says so.
 */
static void memory_ended(void *opaque, const struct smudge_error *why)
{
	struct control *control = opaque;
	struct qmp_server *server;

	pthread_mutex_lock(&control->lock);
	server = control->server;
	pthread_mutex_unlock(&control->lock);
	if (server)
		qmp_server_event(server, "X_SMUDGE_LAZY",
				 control_lazy_event(why));
	if (why && server)
		say("the guest has failed: %s", why->message);
	else if (why)
		machine_request_exit(control->target.machine,
				     MACHINE_EXIT_ERROR, 1);
}

static const char *shutdown_reason(enum machine_exit_reason reason)
{
	switch (reason) {
	case MACHINE_EXIT_QUIT:
		return "host-qmp-quit";
	case MACHINE_EXIT_SIGNAL:
		return "host-signal";
	case MACHINE_EXIT_ERROR:
		return "host-error";
	case MACHINE_EXIT_TRIPLE_FAULT:
		return "guest-panic";
	case MACHINE_EXIT_DEBUG_PORT:
	case MACHINE_EXIT_HALT:
		return "guest-shutdown";
	case MACHINE_EXIT_NONE:
		break;
	}
	return "none";
}

static void tell_shutdown(struct control *control)
{
	enum machine_exit_reason reason;
	int status = 0;

	reason = machine_exit_reason(control->target.machine, &status);
	qmp_server_event(control->server, "SHUTDOWN",
			 json_pack("{s:b, s:s}", "guest",
				   reason == MACHINE_EXIT_DEBUG_PORT ||
					   reason == MACHINE_EXIT_HALT ||
					   reason == MACHINE_EXIT_TRIPLE_FAULT,
				   "reason", shutdown_reason(reason)));
}

static int open_server(struct control *control, const char *spec,
		       struct smudge_error *err)
{
	const struct qmp_handler handler = {
		.opaque = &control->target,
		.execute = control_execute,
	};
	const struct machine_listener listener = {control, state_changed};
	struct qmp_server *server;
	int ret = qmp_server_open(spec, &handler, &server, err);

	if (ret)
		return ret;
	pthread_mutex_lock(&control->lock);
	control->server = server;
	pthread_mutex_unlock(&control->lock);
	machine_set_listener(control->target.machine, &listener);
	return 0;
}

/* No command runs, and no checkpoint is due, before the lazy restore is known.
 */
static bool reads_disk(void *opaque)
{
	struct control *control = opaque;

	return control->target.lazy && lazy_reads_disk(control->target.lazy);
}

/* Of --checkpoint-to; NULL: nowhere. */
static const struct checkpoint_request *
usual_checkpoint(const struct control_config *config)
{
	const char *to = config->checkpoint.folder;

	return to && strcmp(to, RESTORE_NOWHERE) != 0 ? &config->checkpoint
						      : NULL;
}

static int create_all(struct control *control, struct smudge_error *err)
{
	struct control_target *target = &control->target;
	const struct migration_options migration = {
		.machine = target->machine,
		.opaque = control,
		.changed = migration_changed,
	};
	const struct checkpoints_options checkpoints = {
		.machine = target->machine,
		.opaque = control,
		.ended = checkpoint_ended,
		.reads_disk = reads_disk,
		.usual = usual_checkpoint(control->config),
		.end_fd = control->config->end_fd,
	};
	int ret = migration_create(&migration, &target->migration, err);

	if (!ret)
		ret = rate_create(target->machine, &target->rate, err);
	if (!ret)
		ret = checkpoints_create(&checkpoints, &target->checkpoints,
					 err);
	return ret;
}

/* The guest's memory, and the folder of its checkpoints. */
static int open_layers(struct control *control, struct smudge_error *err)
{
	const struct control_config *config = control->config;
	const struct lazy_options lazy = {
		.machine = control->target.machine,
		.bytes_per_second = config->lazy_bytes_per_second,
		.opaque = control,
		.lost = memory_lost,
		.ended = memory_ended,
	};
	const struct restore_options restore = {
		.from = config->restore,
		.to = config->checkpoint.folder,
		.end_fd = config->end_fd,
		.lazy = config->is_lazy ? &lazy : NULL,
	};
	bool is_running = true;
	int ret = 0;

	if (config->restore)
		ret = restore_machine(control->target.machine,
				      control->target.checkpoints, &restore,
				      &is_running, &control->target.lazy, err);
	else if (usual_checkpoint(config))
		ret = checkpoints_open(control->target.checkpoints,
				       config->checkpoint.folder, NULL, err);
	if (!ret && !is_running)
		machine_set_run_state(control->target.machine, MACHINE_PAUSED);
	control->is_to_start =
		is_running && !config->paused_start && !config->incoming;
	return ret;
}

static int open_all(struct control *control, struct smudge_error *err)
{
	const struct control_config *config = control->config;
	int ret = create_all(control, err);

	if (!ret)
		ret = open_layers(control, err);
	if (!ret && config->vnc)
		ret = vnc_open(control->target.machine, config->vnc,
			       config->end_fd, &control->target.vnc, err);
	if (ret)
		return ret;
	if (config->paused_start)
		run_control_stop(control->target.machine, NULL);
	if (config->qmp)
		ret = open_server(control, config->qmp, err);
	if (!ret && config->incoming && strcmp(config->incoming, "defer") != 0)
		ret = migration_start_incoming(control->target.migration,
					       config->incoming, err);
	return ret;
}

bool control_is_to_start(const struct control *control)
{
	return control->is_to_start &&
	       machine_run_state(control->target.machine) !=
		       MACHINE_INTERNAL_ERROR;
}

int control_serve(struct control *control, struct smudge_error *err)
{
	const struct control_config *config = control->config;
	int ret = 0;

	if (control->target.lazy)
		ret = lazy_bring_all(control->target.lazy, err);
	if (!ret && config->checkpoint_every_ns)
		ret = checkpoints_begin(control->target.checkpoints,
					config->checkpoint_every_ns, err);
	if (!ret && control->server)
		ret = qmp_server_start(control->server, err);
	return ret;
}

int control_check_words(const struct control_config *config,
			struct smudge_error *err)
{
	struct migration_uri uri;
	struct socket_file file;
	int ret = 0;

	if (config->qmp)
		ret = qmp_socket_path(config->qmp, &file, err);
	if (!ret && config->incoming && strcmp(config->incoming, "defer") != 0)
		ret = migration_uri_parse(config->incoming, &uri, err);
	if (!ret && config->restore)
		ret = restore_check(config->restore, err);
	if (!ret && config->vnc)
		ret = vnc_check(config->vnc, err);
	return ret;
}

int control_open(struct machine *machine, const struct control_config *config,
		 struct control **ret_control, struct smudge_error *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int ret;

	if (!control)
		return smudge_error_set(err, -ENOMEM, "control",
					"out of memory");
	pthread_mutex_init(&control->lock, NULL);
	control->config = config;
	control->target.machine = machine;
	ret = open_all(control, err);
	if (ret) {
		control_close(control);
		return ret;
	}
	*ret_control = control;
	return 0;
}

const char *control_describe_vnc(const struct control *control)
{
	return control->target.vnc ? vnc_describe(control->target.vnc) : NULL;
}

/* The outcome of a migration that was running when the process ended. */
const char *control_last_words(const struct control *control)
{
	const struct migration_report *end = &control->end;

	if (end->place == MIGRATION_AT_UNKNOWN)
		return "the guest was handed over, but the destination did not "
		       "confirm: it may run there, and ends here";
	if (!control->was_migrating)
		return NULL;
	if (end->incoming)
		return end->status == MIGRATION_COMPLETED
			       ? "the guest arrived meanwhile, and ends here"
			       : NULL;
	if (end->place == MIGRATION_AT_DESTINATION)
		return "the guest was handed over to the destination before "
		       "the end";
	return "the migration was given up, and the guest ends here";
}

bool control_is_unconfirmed(struct control *control)
{
	return run_control_is_unconfirmed(control->target.machine);
}

void control_stop(struct control *control)
{
	if (control->is_stopped)
		return;
	control->is_stopped = true;
	checkpoints_end(control->target.checkpoints);
	control->was_migrating =
		migration_end(control->target.migration, &control->end);
	machine_pause(control->target.machine, MACHINE_PAUSED);
	/* before what joins threads that may wait for a page */
	lazy_end(control->target.lazy);
	machine_set_listener(control->target.machine, NULL);
	if (control->server) {
		tell_shutdown(control);
		qmp_server_stop(control->server);
	}
	/* no command runs now; the migration may still send events */
	rate_destroy(control->target.rate);
	control->target.rate = NULL;
	checkpoints_destroy(control->target.checkpoints);
	control->target.checkpoints = NULL;
	lazy_destroy(control->target.lazy);
	control->target.lazy = NULL;
	vnc_close(control->target.vnc);
	control->target.vnc = NULL;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	control_stop(control);
	migration_destroy(control->target.migration);
	qmp_server_destroy(control->server);
	pthread_mutex_destroy(&control->lock);
	free(control);
}
