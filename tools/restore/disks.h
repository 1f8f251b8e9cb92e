/* SPDX-License-Identifier: MIT */
/*
 * The disks of a checkpoint: snapshots within their images, or images that were
 * left alone since.
 *
 * Nothing is lost. What a disk with snapshots holds now becomes another one
 * first. An image that was left alone stays so: the new machine writes to an
 * overlay of its own.
 */
#ifndef TOOLS_RESTORE_DISKS_H
#define TOOLS_RESTORE_DISKS_H

#include <jansson.h>

#include "qemu/machine.h"

struct smudge_error;

/* The overlay of a disk, freed by the caller; NULL: out of memory. */
char *restore_disks_overlay(const char *base, size_t index);

/*
 * restore_disks_commands - what brings the disks back, in order
 * @base: path that the names of new overlays begin with
 * Return: an array of commands, each an array of words; a new reference, empty
 * if the layer has no snapshots; NULL: out of memory.
 */
json_t *restore_disks_commands(const struct qemu_machine *machine,
			       const char *base);

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
