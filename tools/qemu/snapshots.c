/* SPDX-License-Identifier: MIT */
/*
 * Snapshots within a machine's images, by QMP.
 */
#include "qemu/snapshots.h"

#include <smudge/error.h>

#include "qemu/peer.h"

#define NAME "disks"

int qemu_snapshots_find(struct qemu_peer *peer, struct qemu_drives *ret_drives,
			struct smudge_error *err)
{
	json_t *blocks = NULL;
	int ret = qemu_peer_run(peer, "query-block", NULL, &blocks, err);

	*ret_drives = (struct qemu_drives){0};
	if (!ret)
		ret = qemu_drives_parse(blocks, ret_drives, err);
	json_decref(blocks);
	return ret;
}

int qemu_snapshots_take(const struct qemu_drives *drives,
			struct qemu_peer *peer, const char *snapshot,
			struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	json_t *actions = json_array();
	int ret;

	for (size_t i = 0; i < drives->n; i++)
		json_array_append_new(
			actions,
			json_pack("{s:s, s:{s:s, s:s}}", "type",
				  "blockdev-snapshot-internal-sync", "data",
				  "device", drives->drives[i].device, "name",
				  snapshot));
	if (!drives->n) {
		json_decref(actions);
		return 0;
	}
	ret = qemu_peer_run(peer, "transaction",
			    json_pack("{s:o}", "actions", actions), NULL, &own);
	if (!ret)
		return 0;
	return smudge_error_set(err, ret, NAME,
				"the disks could get no snapshot: %.200s",
				own.message);
}

void qemu_snapshots_delete(const struct qemu_drives *drives,
			   struct qemu_peer *peer, const char *snapshot)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	for (size_t i = 0; i < drives->n; i++)
		qemu_peer_run(peer, "blockdev-snapshot-delete-internal-sync",
			      json_pack("{s:s, s:s}", "device",
					drives->drives[i].device, "name",
					snapshot),
			      NULL, &ignored);
}
