/* SPDX-License-Identifier: MIT */
/*
 * A machine's drives that are written, and the names of their snapshots.
 */
#ifndef TOOLS_QEMU_DRIVES_H
#define TOOLS_QEMU_DRIVES_H

#include <stddef.h>

#include <jansson.h>

struct qemu_machine;
struct smudge_error;

struct qemu_drive {
	char *device; /* of QMP: of the device, or of the block node */
	char *file;   /* as QEMU names it */
};

struct qemu_drives {
	struct qemu_drive *drives;
	size_t n;
};

/*
 * qemu_drives_parse - the drives in a reply
 * @blocks: of query-block
 * @ret_drives: receives those that are written; freed by qemu_drives_free, also
 *      after a failure
 *
 * Return: 0, -EOPNOTSUPP (one is written and can have no snapshot), -ENOMEM,
 * with one sentence.
 */
int qemu_drives_parse(const json_t *blocks, struct qemu_drives *ret_drives,
		      struct smudge_error *err);
void qemu_drives_free(struct qemu_drives *drives);

#define QEMU_SNAPSHOT_BYTES 48
/* A name that no other moment has: "smudge-20261127T074501.123456". */
void qemu_snapshot_name(char name[QEMU_SNAPSHOT_BYTES]);

/*
 * qemu_drives_describe - the snapshots of a moment as a layer keeps them
 * @machine: has its cwd; its disks are replaced
 * Return: 0, -ENOMEM.
 */
int qemu_drives_describe(const struct qemu_drives *drives, const char *snapshot,
			 struct qemu_machine *machine);

#endif
