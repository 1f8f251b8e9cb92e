/* SPDX-License-Identifier: MIT */
/*
 * Machines that cannot be saved.
 */
#include "qemu/refusals.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <smudge/error.h>
#include <smudge/process.h>

#include "qemu/peer.h"

#define NAME "qemu"

static int refuse_status(const struct qemu_peer *peer, struct smudge_error *err)
{
	static const char *const migrating[] = {"inmigrate", "finish-migrate",
						"colo"};

	for (size_t i = 0; i < sizeof(migrating) / sizeof(*migrating); i++)
		if (strcmp(peer->status, migrating[i]) == 0)
			return smudge_error_set(
				err, -EBUSY, NAME,
				"QEMU's machine is being migrated (its status "
				"is %s): checkpoints begin when that has ended",
				peer->status);
	return 0;
}

static int refuse_undescribed(struct qemu_peer *peer, struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	json_t *value = NULL;
	bool is_suppressed;

	if (qemu_peer_run(peer, "qom-get",
			  json_pack("{s:s, s:s}", "path", "/machine",
				    "property", "suppress-vmdesc"),
			  &value, &ignored))
		return 0;
	is_suppressed = json_is_true(value);
	json_decref(value);
	if (!is_suppressed)
		return 0;
	return smudge_error_set(err, -EOPNOTSUPP, NAME,
				"this QEMU does not describe its devices' "
				"state: start it without suppress-vmdesc=on");
}

int qemu_refuse_machine(struct qemu_peer *peer, struct smudge_error *err)
{
	int ret = qemu_peer_status(peer, err);

	if (!ret)
		ret = refuse_status(peer, err);
	if (!ret)
		ret = refuse_undescribed(peer, err);
	return ret;
}

struct finding {
	int ret;
	struct smudge_error *err;
};

static void judge(void *opaque, const struct smudge_process_writer *writer)
{
	struct finding *finding = opaque;

	if (finding->ret)
		return;
	if (writer->kind == SMUDGE_PROCESS_WRITER_PROCESS)
		finding->ret = smudge_error_set(
			finding->err, -EOPNOTSUPP, NAME,
			"process %d (%.60s) writes the machine's memory too, "
			"which is not detected: take a device without a "
			"helper in place of vhost-user",
			(int)writer->pid, writer->name);
	else if (writer->kind == SMUDGE_PROCESS_WRITER_DEVICE)
		finding->ret = smudge_error_set(
			finding->err, -EOPNOTSUPP, NAME,
			"the machine has a device of the host (%.60s), whose "
			"writes are not detected: take it out",
			writer->name);
}

int qemu_refuse_writers(struct smudge_process *process,
			struct smudge_error *err)
{
	struct finding finding = {.err = err};
	int ret = smudge_process_each_writer(process, judge, &finding, err);

	if (ret < 0)
		return ret;
	return finding.ret;
}
