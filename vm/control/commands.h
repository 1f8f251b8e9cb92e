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

struct machine;
struct migration;
struct smudge_error;
struct vnc;

struct control_target {
	struct machine *machine;
	struct migration *migration;
	struct vnc *vnc; /* NULL without --vnc */
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

/* commands_memory.c */
json_t *control_memory_stats(struct control_target *target,
			     const json_t *arguments, struct qmp_error *err);
json_t *control_memory_digest(struct control_target *target,
			      const json_t *arguments, struct qmp_error *err);

#endif
