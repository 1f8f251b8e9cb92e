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

#define RESTORE_TIME_BYTES 32

/* What names of snapshots and overlays end in: now, in UTC. */
void restore_disks_time(char text[RESTORE_TIME_BYTES]);

/*
 * restore_disks_overlay - path of the new overlay of a disk
 * @base: a path beside which it is if the layer names no folder of overlays
 * Return: freed by the caller; NULL: out of memory.
 */
char *restore_disks_overlay(const struct qemu_disk *disk, const char *base,
			    const char *when, size_t index);

/*
 * restore_disks_commands - what brings the disks back, in order
 * @base, @when: as above
 * Return: an array of commands, each an array of words; a new reference, empty
 * if the layer has no snapshots; NULL: out of memory.
 */
json_t *restore_disks_commands(const struct qemu_machine *machine,
			       const char *base, const char *when);

/*
 * restore_disks_run - run them
 * @commands: borrowed
 *
 * They, and their output, go to stderr.
 * Return: 0, or -errno with one sentence; disks before the one that failed are
 * as they were at the checkpoint then.
 */
int restore_disks_run(const json_t *commands, struct smudge_error *err);

#endif
