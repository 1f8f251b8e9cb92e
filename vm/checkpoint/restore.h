/* SPDX-License-Identifier: MIT */
/*
 * A machine begins with a checkpoint instead of a kernel (--restore).
 */
#ifndef VM_CHECKPOINT_RESTORE_H
#define VM_CHECKPOINT_RESTORE_H

#include <stdbool.h>

struct checkpoints;
struct lazy;
struct lazy_options;
struct machine;
struct smudge_error;

struct restore_options {
	const char *from; /* FOLDER or FOLDER@N, or a disk's URI */
	/*
	 * Where the next checkpoints go: a folder, a disk, or RESTORE_NOWHERE.
	 * NULL: the folder that was restored, if it can be written and this was
	 * its newest layer; of a disk nowhere.
	 */
	const char *to;
	int end_fd;			 /* ends it once it is readable */
	const struct lazy_options *lazy; /* NULL: all memory comes in first */
};

#define RESTORE_NOWHERE "none"

/* Is it well formed? Return: 0, or -EINVAL with one sentence. */
int restore_check(const char *from, struct smudge_error *err);

/*
 * restore_machine - bring back memory, vCPUs and devices
 * @machine: started, in prelaunch; nothing has written its memory
 * @checkpoints: the folder or disk of later checkpoints is opened: if the layer
 *      is its newest one, or what the disk shows, the next one is a delta
 * @ret_is_running: whether the guest ran at that moment; it does not yet
 * @ret_lazy: written only with options->lazy, and on success
 *
 * Blocks: as long as reading takes; reports progress on stderr.
 * State after failure: the machine must not run.
 * Return: 0, -ECANCELED (@end_fd), -ERANGE (a machine of another size),
 * -ENODATA (no checkpoint of a smudge-vm), or as smudge_chain_open,
 * smudge_restore, lazy_begin, moment_load and checkpoints_open, with one
 * sentence.
 */
int restore_machine(struct machine *machine, struct checkpoints *checkpoints,
		    const struct restore_options *options, bool *ret_is_running,
		    struct lazy **ret_lazy, struct smudge_error *err);

#endif
