/* SPDX-License-Identifier: MIT */
/*
 * The table of QMP commands, and the commands of a few lines.
 */
#include "control/commands.h"

#include "machine/machine.h"
#include "machine/run_control.h"
#include "migration/migration.h"

#include <string.h>

struct command {
	const char *name;
	json_t *(*run)(struct control_target *target, const json_t *arguments,
		       struct qmp_error *err);
	const struct qmp_parameter *parameters;
};

static json_t *run_query_commands(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err);

static json_t *run_query_status(struct control_target *target,
				const json_t *arguments, struct qmp_error *err)
{
	enum machine_run_state state = machine_run_state(target->machine);

	return json_pack("{s:s, s:b}", "status", machine_run_state_name(state),
			 "running", state == MACHINE_RUNNING);
}

static json_t *run_stop(struct control_target *target, const json_t *arguments,
			struct qmp_error *err)
{
	struct smudge_error why = {0};
	int ret = run_control_stop(target->machine, &why);

	return qmp_empty_result(ret, &why, err);
}

static json_t *run_cont(struct control_target *target, const json_t *arguments,
			struct qmp_error *err)
{
	struct smudge_error why = {0};
	int ret = run_control_cont(target->machine, &why);

	return qmp_empty_result(ret, &why, err);
}

static json_t *run_take_back(struct control_target *target,
			     const json_t *arguments, struct qmp_error *err)
{
	struct smudge_error why = {0};
	int ret = migration_take_back(target->migration, &why);

	return qmp_empty_result(ret, &why, err);
}

static json_t *run_quit(struct control_target *target, const json_t *arguments,
			struct qmp_error *err)
{
	machine_request_exit(target->machine, MACHINE_EXIT_QUIT, 0);
	return json_object();
}

static json_t *run_query_version(struct control_target *target,
				 const json_t *arguments, struct qmp_error *err)
{
	return qmp_version();
}

static json_t *run_query_name(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err)
{
	return json_object(); /* a machine here has no name */
}

static const struct qmp_parameter uri_parameters[] = {
	{"uri", QMP_STRING, true},
	{NULL, QMP_END, false},
};

/* QMP's migrate never waits: detach changes nothing, as in QEMU */
static const struct qmp_parameter migrate_parameters[] = {
	{"uri", QMP_STRING, true},
	{"detach", QMP_BOOLEAN, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter screendump_parameters[] = {
	{"filename", QMP_STRING, true},
	{"format", QMP_STRING, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter limit_parameters[] = {
	{"max-bandwidth", QMP_INTEGER, false},
	{"downtime-limit", QMP_INTEGER, false},
	{"x-smudge-max-rounds", QMP_INTEGER, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter calc_rate_parameters[] = {
	{"calc-time", QMP_INTEGER, true},
	{"calc-time-unit", QMP_STRING, false},
	{"mode", QMP_STRING, false},
	{"sample-pages", QMP_INTEGER, false},
	{"x-smudge-windows", QMP_LIST, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter query_rate_parameters[] = {
	{"calc-time-unit", QMP_STRING, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter forecast_parameters[] = {
	{"line-bandwidth", QMP_INTEGER, false},
	{"max-bandwidth", QMP_INTEGER, false},
	{"downtime-limit", QMP_INTEGER, false},
	{"x-smudge-max-rounds", QMP_INTEGER, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter checkpoint_parameters[] = {
	{"folder", QMP_STRING, false},
	{"full", QMP_BOOLEAN, false},
	{"uncompressed", QMP_BOOLEAN, false},
	{"look-ahead", QMP_BOOLEAN, false},
	{"pause-deadline", QMP_INTEGER, false},
	{"keep-last", QMP_INTEGER, false},
	{"keep-hourly", QMP_INTEGER, false},
	{"keep-daily", QMP_INTEGER, false},
	{"keep-weekly", QMP_INTEGER, false},
	{"garbage", QMP_INTEGER, false},
	{"on-commit", QMP_STRING, false},
	{"snapshot-qmp", QMP_STRING, false},
	{"snapshot-node", QMP_STRING, false},
	{"store-deadline", QMP_INTEGER, false},
	{NULL, QMP_END, false},
};

static const struct qmp_parameter id_parameters[] = {
	{"id", QMP_INTEGER, false},
	{NULL, QMP_END, false},
};

/* The session itself handles qmp_capabilities. */
static const struct command commands[] = {
	{"calc-dirty-rate", control_calc_dirty_rate, calc_rate_parameters},
	{"cont", run_cont, NULL},
	{"migrate", control_migrate, migrate_parameters},
	{"migrate-incoming", control_migrate_incoming, uri_parameters},
	{"migrate-set-parameters", control_set_parameters, limit_parameters},
	{"migrate_cancel", control_migrate_cancel, NULL},
	{"query-commands", run_query_commands, NULL},
	{"query-dirty-rate", control_query_dirty_rate, query_rate_parameters},
	{"query-migrate", control_query_migrate, NULL},
	{"query-migrate-parameters", control_query_parameters, NULL},
	{"query-name", run_query_name, NULL},
	{"query-status", run_query_status, NULL},
	{"query-version", run_query_version, NULL},
	{"query-vnc", control_query_vnc, NULL},
	{"query-x-smudge-checkpoints", control_query_checkpoints,
	 id_parameters},
	{"query-x-smudge-lazy", control_query_lazy, NULL},
	{"quit", run_quit, NULL},
	{"screendump", control_screendump, screendump_parameters},
	{"stop", run_stop, NULL},
	{"x-smudge-checkpoint", control_checkpoint, checkpoint_parameters},
	{"x-smudge-checkpoint-cancel", control_checkpoint_cancel,
	 id_parameters},
	{"x-smudge-forecast", control_forecast, forecast_parameters},
	{"x-smudge-memory-digest", control_memory_digest, NULL},
	{"x-smudge-memory-stats", control_memory_stats, NULL},
	{"x-smudge-take-back", run_take_back, NULL},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static json_t *run_query_commands(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err)
{
	json_t *list = json_pack("[{s:s}]", "name", "qmp_capabilities");

	for (size_t i = 0; i < NCOMMANDS; i++)
		json_array_append_new(
			list, json_pack("{s:s}", "name", commands[i].name));
	return list;
}

json_t *control_execute(void *opaque, const char *name, const json_t *arguments,
			struct qmp_error *err)
{
	for (size_t i = 0; i < NCOMMANDS; i++) {
		const struct command *command = &commands[i];

		if (strcmp(command->name, name) != 0)
			continue;
		if (!qmp_check_arguments(command->parameters, arguments, err))
			return NULL;
		return command->run(opaque, arguments, err);
	}
	return qmp_error_set(err, QMP_CLASS_NOT_FOUND,
			     "The command %.64s has not been found", name);
}
