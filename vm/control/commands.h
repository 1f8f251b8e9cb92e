/* SPDX-License-Identifier: MIT */
/*
 * The QMP commands of smudge-vm.
 *
 * Each is a row of the table in commands.c; its arguments are checked
 * against the row before it runs. All run on the server's thread, one at a
 * time.
 */
#ifndef VM_CONTROL_COMMANDS_H
#define VM_CONTROL_COMMANDS_H

#include "qmp/message.h"

struct checkpoint_job;
struct checkpoints;
struct lazy;
struct machine;
struct migration;
struct rate;
struct smudge_error;
struct smudge_migrate_limits;
struct vnc;

struct control_target {
	struct machine *machine;
	struct migration *migration;
	struct rate *rate;
	struct checkpoints *checkpoints;
	struct lazy *lazy; /* NULL without --lazy */
	struct vnc *vnc;   /* NULL without --vnc */
};

/* qmp_handler.execute, with a control_target as @opaque. */
json_t *control_execute(void *opaque, const char *command,
			const json_t *arguments, struct qmp_error *err);

/* commands_migrate.c */
json_t *control_migrate(struct control_target *target, const json_t *arguments,
			struct qmp_error *err);
json_t *control_migrate_incoming(struct control_target *target,
				 const json_t *arguments,
				 struct qmp_error *err);
json_t *control_migrate_cancel(struct control_target *target,
			       const json_t *arguments, struct qmp_error *err);
json_t *control_query_migrate(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err);
json_t *control_set_parameters(struct control_target *target,
			       const json_t *arguments, struct qmp_error *err);
json_t *control_query_parameters(struct control_target *target,
				 const json_t *arguments,
				 struct qmp_error *err);

/* commands_display.c */
json_t *control_query_vnc(struct control_target *target,
			  const json_t *arguments, struct qmp_error *err);
json_t *control_screendump(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err);

/*
 * A number of the arguments, from 0 to @max. False when it is out of range.
 * When it is absent, @ret is not changed.
 */
bool control_get_number(const json_t *arguments, const char *name,
			json_int_t max, json_int_t *ret, struct qmp_error *err);
/* The limits that the arguments have; the others are not changed. */
bool control_get_limits(const json_t *arguments,
			struct smudge_migrate_limits *limits,
			struct qmp_error *err);

/* commands_forecast.c */
json_t *control_forecast(struct control_target *target, const json_t *arguments,
			 struct qmp_error *err);

/* commands_rate.c */
json_t *control_calc_dirty_rate(struct control_target *target,
				const json_t *arguments, struct qmp_error *err);
json_t *control_query_dirty_rate(struct control_target *target,
				 const json_t *arguments,
				 struct qmp_error *err);

/* commands_checkpoint.c */
json_t *control_checkpoint(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err);
json_t *control_checkpoint_cancel(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err);
json_t *control_query_checkpoints(struct control_target *target,
				  const json_t *arguments,
				  struct qmp_error *err);
/* The data of the event when a job has ended. */
json_t *control_checkpoint_event(const struct checkpoint_job *job);

/* commands_lazy.c */
json_t *control_query_lazy(struct control_target *target,
			   const json_t *arguments, struct qmp_error *err);
/* The data of the event: all is in, or @why says why not. */
json_t *control_lazy_event(const struct smudge_error *why);

/* commands_memory.c */
json_t *control_memory_stats(struct control_target *target,
			     const json_t *arguments, struct qmp_error *err);
json_t *control_memory_digest(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err);

#endif
