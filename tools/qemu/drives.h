/* SPDX-License-Identifier: MIT */
/*
 * A machine's drives that are written, and the names of their snapshots.
 */
#ifndef TOOLS_QEMU_DRIVES_H
#define TOOLS_QEMU_DRIVES_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct qemu_machine;
struct smudge_error;

#define QEMU_MAX_IMAGES 256

struct qemu_drive {
	char *device; /* of QMP: of the device, or of the block node */
	bool is_node;
	char *format;
	/* The written one, and those that it stands on: as absolute paths. */
	char *images[QEMU_MAX_IMAGES];
	size_t nimages;
};

struct qemu_drives {
	struct qemu_drive *drives;
	size_t n;
	const char *overlays; /* of the wish */
};

/* What is made of them. */
struct qemu_drives_wish {
	const char *overlays; /* a folder, borrowed; NULL: snapshots within */
	const char *cwd;      /* of QEMU, borrowed; or NULL */
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
int qemu_drives_parse(const json_t *blocks, const struct qemu_drives_wish *wish,
		      struct qemu_drives *ret_drives, struct smudge_error *err);
void qemu_drives_free(struct qemu_drives *drives);

#define QEMU_SNAPSHOT_BYTES 48
/* A name that no other moment has: "smudge-20261127T074501.123456". */
void qemu_snapshot_name(char name[QEMU_SNAPSHOT_BYTES]);

/* The path of a drive's overlay, freed by the caller; NULL: out of memory. */
char *qemu_drives_overlay(const struct qemu_drives *drives, size_t index,
			  const char *snapshot);

/*
 * qemu_drives_describe - the snapshots of a moment as a layer keeps them
 * @machine: has its cwd and arguments; its disks are replaced
 * Return: 0, -ENOMEM.
 */
int qemu_drives_describe(const struct qemu_drives *drives, const char *snapshot,
			 struct qemu_machine *machine);

#endif
