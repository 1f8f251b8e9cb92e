/* SPDX-License-Identifier: MIT */
/*
 * The disks of a machine, as they are at a checkpoint.
 */
#include "qemu/disks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <smudge/error.h>

#include "common/clock.h"
#include "qemu/drives.h"
#include "qemu/guard.h"
#include "qemu/machine.h"
#include "qemu/peer.h"
#include "qemu/snapshots.h"

#define NAME "disks"

struct qemu_disks {
	struct qemu_peer *peer;
	struct qemu_disks_options options;
	char *overlays; /* the folder's absolute path; or NULL */
	struct qemu_drives drives;
	char snapshot[QEMU_SNAPSHOT_BYTES]; /* ""; of this moment */
	bool is_described;		    /* to be taken in this stop */
	bool is_pending;		    /* taken, and not kept */
	bool is_stopped;		    /* by us */
	bool was_running;
	int64_t began_ns;    /* of the stop */
	uint64_t stopped_ns; /* of the last one */
};

/* QEMU may have been started elsewhere. */
static int open_overlays(struct qemu_disks *disks, struct smudge_error *err)
{
	const char *folder = disks->options.wish.overlays;

	if (!folder)
		return 0;
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return smudge_error_set(err, -errno, NAME,
					"cannot make %.120s: %s", folder,
					strerror(errno));
	disks->overlays = realpath(folder, NULL);
	if (!disks->overlays)
		return smudge_error_set(err, -errno, NAME, "%.120s: %s", folder,
					strerror(errno));
	disks->options.wish.overlays = disks->overlays;
	return 0;
}

int qemu_disks_open(struct qemu_peer *peer,
		    const struct qemu_disks_options *options,
		    struct qemu_disks **ret_disks, struct smudge_error *err)
{
	struct qemu_disks *disks = calloc(1, sizeof(*disks));
	int ret;

	if (!disks)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	disks->peer = peer;
	disks->options = *options;
	ret = open_overlays(disks, err);
	if (!ret)
		ret = qemu_snapshots_find(peer, &disks->options.wish,
					  &disks->drives, err);
	if (ret)
		qemu_disks_close(disks);
	else
		*ret_disks = disks;
	return ret;
}

static void delete_pending(struct qemu_disks *disks)
{
	if (disks->is_pending)
		qemu_snapshots_delete(&disks->drives, disks->peer,
				      disks->snapshot);
	disks->is_pending = false;
}

void qemu_disks_close(struct qemu_disks *disks)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;

	if (!disks)
		return;
	if (disks->is_stopped)
		(void)qemu_disks_run(disks, false, &ignored);
	delete_pending(disks);
	qemu_drives_free(&disks->drives);
	free(disks->overlays);
	free(disks);
}

/* Each checkpoint changes the images, and so may other clients. */
static int find_again(struct qemu_disks *disks, struct smudge_error *err)
{
	delete_pending(disks);
	qemu_drives_free(&disks->drives);
	return qemu_snapshots_find(disks->peer, &disks->options.wish,
				   &disks->drives, err);
}

int qemu_disks_stop(struct qemu_disks *disks, bool *ret_was_running,
		    struct smudge_error *err)
{
	int ret = find_again(disks, err);

	if (!ret)
		ret = qemu_peer_status(disks->peer, err);
	disks->is_described = false;
	if (ret)
		return ret;
	disks->was_running = disks->peer->is_running;
	*ret_was_running = disks->was_running;
	disks->is_stopped = true;
	disks->stopped_ns = 0;
	disks->began_ns = clock_now_ns();
	if (!disks->was_running)
		return 0;
	ret = qemu_guard_arm(disks->options.guard, disks->options.timeout_ms,
			     err);
	if (!ret)
		ret = qemu_peer_run(disks->peer, "stop", NULL, NULL, err);
	if (ret) {
		struct smudge_error ignored = SMUDGE_ERROR_INIT;

		(void)qemu_disks_run(disks, false, &ignored);
	}
	return ret;
}

int qemu_disks_describe(struct qemu_disks *disks, struct qemu_machine *machine,
			struct smudge_error *err)
{
	qemu_snapshot_name(disks->snapshot);
	disks->is_described = true;
	if (qemu_drives_describe(&disks->drives, disks->snapshot, machine) == 0)
		return 0;
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

/* The guard is let go only when the machine runs. */
static int run_on(struct qemu_disks *disks, struct smudge_error *err)
{
	int ret = qemu_peer_run(disks->peer, "cont", NULL, NULL, err);

	return ret ? ret : qemu_guard_disarm(disks->options.guard, err);
}

int qemu_disks_run(struct qemu_disks *disks, bool takes,
		   struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = 0, also = 0;

	if (!disks->is_stopped)
		return 0;
	if (disks->is_described && takes) {
		ret = qemu_snapshots_take(&disks->drives, disks->peer,
					  disks->snapshot, err);
		disks->is_pending = ret == 0;
	}
	disks->is_described = false;
	disks->is_stopped = false;
	if (disks->was_running)
		also = run_on(disks, ret ? &own : err);
	if (disks->was_running)
		disks->stopped_ns =
			(uint64_t)(clock_now_ns() - disks->began_ns);
	if (ret || also)
		delete_pending(disks);
	return ret ? ret : also;
}

uint64_t qemu_disks_stopped_ns(const struct qemu_disks *disks)
{
	return disks->stopped_ns;
}

void qemu_disks_keep(struct qemu_disks *disks)
{
	disks->is_pending = false;
}
