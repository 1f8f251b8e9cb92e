/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a machine's disks, by QMP.
 */
#include "qemu/snapshots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "qemu/peer.h"

#define NAME	    "disks"
#define JOB	    "smudge-merge"
#define JOB_POLL_MS 10
#define JOB_TRIES   1000

int qemu_snapshots_find(struct qemu_peer *peer,
			const struct qemu_drives_wish *wish,
			struct qemu_drives *ret_drives,
			struct smudge_error *err)
{
	json_t *blocks = NULL;
	int ret = qemu_peer_run(peer, "query-block", NULL, &blocks, err);

	*ret_drives = (struct qemu_drives){0};
	if (!ret)
		ret = qemu_drives_parse(blocks, wish, ret_drives, err);
	json_decref(blocks);
	return ret;
}

static json_t *snapshot_within(const struct qemu_drives *drives, size_t i,
			       const char *snapshot)
{
	return json_pack("{s:s, s:{s:s, s:s}}", "type",
			 "blockdev-snapshot-internal-sync", "data", "device",
			 drives->drives[i].device, "name", snapshot);
}

/* The image stays as it is; what is written from now on is in the overlay. */
static json_t *overlay(const struct qemu_drives *drives, size_t i,
		       const char *snapshot)
{
	char *path = qemu_drives_overlay(drives, i, snapshot);
	json_t *action = json_pack(
		"{s:s, s:{s:s, s:s, s:s}}", "type", "blockdev-snapshot-sync",
		"data", drives->drives[i].is_node ? "node-name" : "device",
		drives->drives[i].device, "snapshot-file", path ? path : "",
		"format", "qcow2");

	free(path);
	return action;
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
			actions, drives->overlays ? overlay(drives, i, snapshot)
						  : snapshot_within(drives, i,
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

static void delete_within(const struct qemu_drive *drive,
			  struct qemu_peer *peer, const char *snapshot)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	qemu_peer_run(peer, "blockdev-snapshot-delete-internal-sync",
		      json_pack("{s:s, s:s}", "device", drive->device, "name",
				snapshot),
		      NULL, &ignored);
}

/* 1: the job is ready to complete; 0: it is under way; -1: there is none. */
static int job_state(struct qemu_peer *peer)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	json_t *jobs = NULL, *job;
	int state = -1;
	size_t i;

	if (qemu_peer_run(peer, "query-block-jobs", NULL, &jobs, &ignored))
		return -1;
	json_array_foreach(jobs, i, job)
	{
		const char *id =
			json_string_value(json_object_get(job, "device"));

		if (id && strcmp(id, JOB) == 0)
			state = json_is_true(json_object_get(job, "ready"));
	}
	json_decref(jobs);
	return state;
}

/* Until it is in that state, or there is none any more. */
static int wait_for_job(struct qemu_peer *peer, int wanted)
{
	int state = job_state(peer);

	for (int i = 0; state != wanted && state >= 0 && i < JOB_TRIES; i++) {
		clock_sleep_ms(JOB_POLL_MS);
		state = job_state(peer);
	}
	return state;
}

/* What is in the overlay goes back into its image, which is written again. */
static void merge(const struct qemu_drives *drives, size_t i,
		  struct qemu_peer *peer, const char *snapshot)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	char *path = qemu_drives_overlay(drives, i, snapshot);
	int ret = qemu_peer_run(peer, "block-commit",
				json_pack("{s:s, s:s}", "job-id", JOB, "device",
					  drives->drives[i].device),
				NULL, &ignored);

	if (!ret && wait_for_job(peer, 1) == 1)
		ret = qemu_peer_run(peer, "block-job-complete",
				    json_pack("{s:s}", "device", JOB), NULL,
				    &ignored);
	else
		ret = -EIO;
	if (!ret && path && wait_for_job(peer, -1) == -1)
		(void)unlink(path);
	free(path);
}

void qemu_snapshots_delete(const struct qemu_drives *drives,
			   struct qemu_peer *peer, const char *snapshot)
{
	for (size_t i = 0; i < drives->n; i++) {
		if (drives->overlays)
			merge(drives, i, peer, snapshot);
		else
			delete_within(&drives->drives[i], peer, snapshot);
	}
}
