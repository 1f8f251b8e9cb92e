/* SPDX-License-Identifier: MIT */
/*
 * What is done when a checkpoint is on stable storage: the engine behind a disk
 * takes its snapshot, and a command of the user's is run.
 *
 * The command has these in its environment:
 *	SMUDGE_LAYER	path of the layer, or the URI of the disk
 *	SMUDGE_NUMBER	of the layer, or of the checkpoint onto the disk
 *	SMUDGE_DIGEST	of the moment, 32 hexadecimal digits
 *	SMUDGE_TIME	of the moment, in UTC: 20261127T103000.123Z
 *	SMUDGE_FULL	1: the layer stands on no other one; 0
 */
#ifndef COMMON_COMMIT_H
#define COMMON_COMMIT_H

#include <stdint.h>

#include <smudge/layers.h>

struct commit;

struct commit_options {
	const char *place;	   /* the folder, or the disk's URI */
	const char *command;	   /* --on-commit; NULL: none */
	const char *snapshot_qmp;  /* path of a QMP socket; NULL: none */
	const char *snapshot_node; /* the node-name there */
	uint64_t timeout_ns;	   /* of each of them; 0: none */
};

/*
 * commit_create - nothing is run yet
 * @options: copied
 * @ret: receives it, ended by commit_destroy
 *
 * Return: 0, -EMFILE, -ENFILE, -ENOMEM, with one sentence.
 */
int commit_create(const struct commit_options *options, struct commit **ret,
		  struct smudge_error *err);

/* As it was created with. */
uint64_t commit_timeout_ns(const struct commit *commit);

/*
 * commit_last_number - of the last snapshot that the engine has
 * @end_fd: ends the wait once it is readable
 * @ret_number: receives it; 0: none, or it cannot be asked
 *
 * Return: 0, or as block_snapshot_last, with one sentence.
 */
int commit_last_number(struct commit *commit, int end_fd, uint64_t *ret_number,
		       struct smudge_error *err);

/*
 * commit_run - first the snapshot, then the command
 *
 * Blocks: until both have ended, their timeouts, or commit_cancel.
 * Return: 0, or as block_snapshot_take and shell_command_run, with one
 * sentence.
 */
int commit_run(struct commit *commit, const struct smudge_layer_info *info,
	       struct smudge_error *err);

/*
 * commit_awaited - what is being run now
 * Threads: any. Return: "snapshot", "on-commit", or NULL: nothing.
 */
const char *commit_awaited(const struct commit *commit);

/*
 * commit_cancel - what is run fails, and what will be
 * commit_expect - until this: another checkpoint begins
 *
 * Threads: any. Blocks: no.
 */
void commit_cancel(struct commit *commit);
void commit_expect(struct commit *commit);

/* NULL is fine. */
void commit_destroy(struct commit *commit);

#endif
