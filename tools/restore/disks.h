/* SPDX-License-Identifier: MIT */
/*
 * The disks of a checkpoint, which are snapshots within their images.
 *
 * Nothing is lost: what a disk holds now becomes a snapshot of its own first.
 */
#ifndef TOOLS_RESTORE_DISKS_H
#define TOOLS_RESTORE_DISKS_H

#include <jansson.h>

#include "qemu/machine.h"

struct smudge_error;

/*
 * restore_disks_commands - what brings the disks back, in order
 * Return: an array of commands, each an array of words; a new reference, empty
 * if the layer has no snapshots; NULL: out of memory.
 */
json_t *restore_disks_commands(const struct qemu_machine *machine);

/*
 * restore_disks_run - run them
 * @commands: borrowed
 *
 * Their output goes to stderr.
 * Return: 0, or -errno with one sentence; disks before the one that failed are
 * as they were at the checkpoint then.
 */
int restore_disks_run(const json_t *commands, struct smudge_error *err);

#endif
