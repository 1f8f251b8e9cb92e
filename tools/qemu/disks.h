/* SPDX-License-Identifier: MIT */
/*
 * The disks of a machine, as they are at a checkpoint.
 *
 * The machine is stopped by QMP, with a guard (guard.h); its memory and devices
 * are saved; then all its disks get a snapshot, within their images or by new
 * overlays, in one transaction, and it runs again. The snapshots of a
 * checkpoint that failed are deleted.
 */
#ifndef TOOLS_QEMU_DISKS_H
#define TOOLS_QEMU_DISKS_H

#include <stdbool.h>
#include <stdint.h>

#include "qemu/drives.h"

struct qemu_disks;
struct qemu_guard;
struct qemu_machine;
struct qemu_peer;
struct smudge_error;

struct qemu_disks_options {
	struct qemu_drives_wish wish;
	struct qemu_guard *guard; /* borrowed until close; started */
	int64_t timeout_ms;	  /* how long the machine may be stopped */
};

/*
 * qemu_disks_open - find the disks
 * @peer: borrowed; connected
 * @options: copied; what it points to is borrowed until close
 *
 * Return: 0, -EOPNOTSUPP (a disk can have no snapshot: the sentence names it),
 * or another -errno, with one sentence.
 */
int qemu_disks_open(struct qemu_peer *peer,
		    const struct qemu_disks_options *options,
		    struct qemu_disks **ret_disks, struct smudge_error *err);

/* Deletes the snapshots that were not kept. @disks may be NULL. */
void qemu_disks_close(struct qemu_disks *disks);

/*
 * qemu_disks_stop - stop the machine
 * @ret_was_running: did it run?
 *
 * Before, snapshots that were not kept are deleted.
 * Return: as qemu_disks_open.
 */
int qemu_disks_stop(struct qemu_disks *disks, bool *ret_was_running,
		    struct smudge_error *err);

/*
 * qemu_disks_describe - what the snapshots of this moment will be called
 * @machine: its disks are replaced
 * Return: 0, -ENOMEM with one sentence.
 */
int qemu_disks_describe(struct qemu_disks *disks, struct qemu_machine *machine,
			struct smudge_error *err);

/*
 * qemu_disks_run - take the snapshots that were described, and run again
 * @takes: false: take none, since the checkpoint failed
 *
 * A machine that was paused before stays paused. It runs also if the snapshots
 * fail, of which none is left then.
 * Return: 0, or the first -errno with one sentence.
 */
int qemu_disks_run(struct qemu_disks *disks, bool takes,
		   struct smudge_error *err);

/* How long the last stop took, by our clock; 0: it was paused before. */
uint64_t qemu_disks_stopped_ns(const struct qemu_disks *disks);

/* The layer is in place: its snapshots stay. */
void qemu_disks_keep(struct qemu_disks *disks);

#endif
