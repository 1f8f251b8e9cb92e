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
#include <stdint.h>

#include "checkpoint/request.h"

struct control;
struct machine;
struct smudge_error;

struct control_config {
	const char *qmp;      /* --qmp unix:PATH, or NULL */
	const char *incoming; /* --incoming URI, "defer", or NULL */
	const char *vnc;      /* --vnc, or NULL; see vnc/options.h */
	const char *restore;  /* --restore, or NULL; see checkpoint/restore.h */
	bool is_lazy;	      /* --lazy */
	uint64_t lazy_bytes_per_second; /* --lazy-rate; 0: no limit */
	/*
	 * --checkpoint-to (a folder, a disk, RESTORE_NOWHERE or NULL),
	 * --checkpoint-keep, and what follows each
	 */
	struct checkpoint_request checkpoint;
	uint64_t checkpoint_every_ns; /* --checkpoint-every; 0: never */
	bool paused_start;	      /* --paused-start */
	int end_fd; /* waits end once it is readable; -1 for none */
};

/*
 * Are the values of --qmp, --incoming, --restore and --vnc well formed? Nothing
 * is created or looked up. Return: 0, or -EINVAL with one sentence.
 */
int control_check_words(const struct control_config *config,
			struct smudge_error *err);

/*
 * control_open - restore a checkpoint, listen for QMP clients, serve viewers,
 *      and begin to listen for an incoming migration
 * @machine: started, borrowed
 * @config: borrowed until control_close; "defer" waits for migrate-incoming
 *
 * Return: 0, or -errno with one sentence; then nothing is left open.
 */
int control_open(struct machine *machine, const struct control_config *config,
		 struct control **ret_control, struct smudge_error *err);

/* The guest is to run at once. */
bool control_is_to_start(const struct control *control);

/*
 * control_serve - begin to execute commands, and to take checkpoints
 *
 * Called after the guest was started: a start would undo an earlier stop.
 * Return: 0, or -errno with one sentence.
 */
int control_serve(struct control *control, struct smudge_error *err);

/* One line about --vnc for stderr, or NULL without it. */
const char *control_describe_vnc(const struct control *control);

/*
 * control_stop - end checkpoints and a migration, pause the machine, send
 * SHUTDOWN to the clients, end all threads
 *
 * The order matters: a layer that is not in place is removed without waiting
 * for a migration's peer. If the machine were paused first, it would arrive
 * paused, and a later cancel could be too late. Clients are served until the
 * migration's thread has ended. Afterwards the outcome of a migration is
 * final.
 * Blocks: until that thread has ended, see migration_end, and then 0.3 s at
 * most for clients that do not read.
 */
void control_stop(struct control *control);

/* The machine was handed over, and the destination did not confirm it. */
bool control_is_unconfirmed(struct control *control);

/* After control_stop: the outcome of a migration that it ended, or NULL. */
const char *control_last_words(const struct control *control);

/* control_close - stop, and free. NULL is fine. */
void control_close(struct control *control);

#endif
