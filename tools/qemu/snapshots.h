/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a machine's disks, by QMP: within their images, or as overlays.
 */
#ifndef TOOLS_QEMU_SNAPSHOTS_H
#define TOOLS_QEMU_SNAPSHOTS_H

#include "qemu/drives.h"

struct qemu_peer;
struct smudge_error;

/* qemu_drives_parse, of the machine behind a socket. */
int qemu_snapshots_find(struct qemu_peer *peer,
			const struct qemu_drives_wish *wish,
			struct qemu_drives *ret_drives,
			struct smudge_error *err);

/*
 * qemu_snapshots_take - snapshots of all, or of none
 * qemu_snapshots_delete - undo that: an overlay goes back into its image, for
 *      which the machine must run or be paused with its disks open
 */
int qemu_snapshots_take(const struct qemu_drives *drives,
			struct qemu_peer *peer, const char *snapshot,
			struct smudge_error *err);
void qemu_snapshots_delete(const struct qemu_drives *drives,
			   struct qemu_peer *peer, const char *snapshot);

#endif
