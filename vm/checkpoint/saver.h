/* SPDX-License-Identifier: MIT */
/*
 * The library's checkpointer on the machine: one folder or disk at a time.
 *
 * The folder stays open from one save to the next, so that the next one is a
 * delta. Another folder is opened before the old one is closed: if it cannot be
 * opened, the old one stays.
 *
 * Threads: one opens, saves and closes; saver_cancel and saver_stats are any
 * thread's.
 */
#ifndef VM_CHECKPOINT_SAVER_H
#define VM_CHECKPOINT_SAVER_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/checkpoint.h>

#include "checkpoint/keep.h"

struct checkpoint_origin;
struct commit;
struct machine;
struct saver;

/* The blob of each layer that holds the moment (machine/moment.h). */
#define SAVER_BLOB "smudge-vm"

/* Where saves go. */
struct saver_place {
	const char *folder; /* or the URI of a disk (common/nbd_uri.h) */
	/* Knows the last snapshot of a disk that is opened; NULL: none */
	struct commit *commit;
	uint64_t deadline_ns; /* of the store; 0: none */
	bool may_lack_flush;  /* the disk's server */
};

/* @end_fd: readable: the process ends; -1: none */
int saver_create(struct machine *machine, int end_fd, struct saver **ret,
		 struct smudge_error *err);

/* Waits for layers that are being written. NULL is fine. */
void saver_destroy(struct saver *saver);

/*
 * saver_open - use this folder or disk from now on
 * @origin: NULL, or what the memory is still: the first save is a delta, if it
 *	is the folder's newest layer (else this fails with -ESTALE), or what the
 *	disk shows (else it is full)
 *
 * One that is open already stays, with the deadline that it has; a disk that
 * was lost is connected to again, and opened anew if its size has changed.
 * Return: 0, -ECANCELED (saver_cancel was called since saver_expect), or as
 * smudge_checkpointer_create and checkpoint_disk_open, with one sentence.
 */
int saver_open(struct saver *saver, const struct saver_place *place,
	       const struct checkpoint_origin *origin,
	       struct smudge_error *err);

/* The path of the open folder, or the disk's URI, or NULL. Only the thread that
 * opens. */
const char *saver_folder(const struct saver *saver);

/*
 * saver_save - pause the guest, copy what it wrote, and let it continue
 * @commit: what follows; borrowed until saver_wait. NULL: nothing
 *
 * A folder is open.
 * Return: as smudge_checkpointer_save, or as run_control_hold; -ECANCELED also
 * when saver_cancel was called since saver_expect.
 */
int saver_save(struct saver *saver, const struct smudge_save_options *options,
	       struct commit *commit, uint64_t *ret_ticket,
	       struct smudge_error *err);

/* As smudge_checkpointer_wait. */
int saver_wait(struct saver *saver, uint64_t ticket,
	       struct smudge_layer_info *info, struct smudge_error *err);

/*
 * saver_prune - the folder that is open is pruned from now on, beside saves
 *
 * Nothing happens if all layers are kept. What fails is reported on stderr.
 * Only the thread that opens.
 */
void saver_prune(struct saver *saver, const struct checkpoint_keep *keep,
		 bool uncompressed);

/* A save begins: earlier cancels are not of it. */
void saver_expect(struct saver *saver);
/* The save that was expected last fails, if its layer is not in place. */
void saver_cancel(struct saver *saver);
/* Was it called since saver_expect? */
bool saver_is_cancelled(struct saver *saver);
/* Return: -ECANCELED. */
int saver_say_cancelled(struct smudge_error *err);

/* All zero while no folder is open. */
void saver_stats(struct saver *saver, struct smudge_checkpointer_stats *ret);

#endif
