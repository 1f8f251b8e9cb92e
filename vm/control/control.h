/* SPDX-License-Identifier: MIT */
/*
 * Control of a machine from outside: the QMP server of --qmp, the migration
 * of --incoming, and the viewers of --vnc.
 *
 * It is the machine's listener: changes of the run state become QMP events.
 */
#ifndef VM_CONTROL_CONTROL_H
#define VM_CONTROL_CONTROL_H

#include <stdbool.h>

struct control;
struct machine;
struct smudge_error;

struct control_config {
	const char *qmp;      /* --qmp unix:PATH, or NULL */
	const char *incoming; /* --incoming URI, "defer", or NULL */
	const char *vnc;      /* --vnc, or NULL; see vnc/options.h */
	bool paused_start;    /* --paused-start */
	int end_fd;	      /* cuts waits short once readable; -1 for none */
};

/*
 * Are the values of --qmp, --incoming and --vnc well written? Nothing is made
 * or looked up. Return: 0, or -EINVAL with one sentence.
 */
int control_check_words(const struct control_config *config,
			struct smudge_error *err);

/*
 * control_open - listen for QMP clients, serve viewers, and begin to listen for
 *      an incoming migration
 * @machine: started, borrowed
 * @config: borrowed; "defer" waits for migrate-incoming
 *
 * Return: 0, or -errno with one sentence; then nothing is left open.
 */
int control_open(struct machine *machine, const struct control_config *config,
		 struct control **ret_control, struct smudge_error *err);

/*
 * control_serve - begin to execute commands
 *
 * After the guest was started: that would undo a stop that came before.
 * Return: 0, or -errno with one sentence.
 */
int control_serve(struct control *control, struct smudge_error *err);

/* One line about --vnc for stderr, or NULL without it. */
const char *control_describe_vnc(const struct control *control);

/*
 * control_stop - end a migration, pause the machine, tell the clients
 *      SHUTDOWN, end all threads; then the outcome of a migration is final
 *
 * In this order: a migration that finds the machine paused by this would make
 * it arrive paused, and a cancel that comes later may be too late.
 * Clients are served until the migration's thread has ended. Blocks: until
 * then, see migration_end, and for 0.3 s at most on clients
 * that do not read.
 */
void control_stop(struct control *control);

/* The machine was handed over, and the destination did not confirm it. */
bool control_is_unconfirmed(struct control *control);

/* After control_stop: what became of a guest on its way meanwhile, or NULL. */
const char *control_last_words(const struct control *control);

/* control_close - stop, and free. NULL is fine. */
void control_close(struct control *control);

#endif
