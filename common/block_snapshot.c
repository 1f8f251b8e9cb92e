/* SPDX-License-Identifier: MIT */
/*
 * Of the nodes only the one that is named is looked at.
 */
#include "common/block_snapshot.h"

#include <smudge/error.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/qmp_talk.h"
#include "common/range.h"

#define PREFIX "smudge-"

static int open_talk(const struct block_snapshot *snapshot,
		     struct qmp_talk **ret, struct smudge_error *err)
{
	return qmp_talk_open(snapshot->socket_path, snapshot->end_fd,
			     snapshot->timeout_ns, ret, err);
}

/* What QMP said, with the node's name before it. */
static int say(const struct block_snapshot *snapshot, int code,
	       const struct smudge_error *why, struct smudge_error *err)
{
	if (code != -EREMOTEIO)
		return smudge_error_set(err, code, "snapshot", "%s",
					why->message);
	return smudge_error_set(err, code, "snapshot",
				"no snapshot of the node %.40s: %s",
				snapshot->node, why->message);
}

int block_snapshot_take(const struct block_snapshot *snapshot, uint64_t number,
			struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	struct qmp_talk *talk = NULL;
	char name[32];
	int ret = open_talk(snapshot, &talk, &why);

	snprintf(name, sizeof(name), PREFIX "%" PRIu64, number);
	if (!ret)
		ret = qmp_talk_run(talk, "blockdev-snapshot-internal-sync",
				   json_pack("{s:s, s:s}", "device",
					     snapshot->node, "name", name),
				   NULL, &why);
	qmp_talk_close(talk);
	return ret ? say(snapshot, ret, &why, err) : 0;
}

/* 0: it has no number of ours. */
static uint64_t number_of(const json_t *snapshot)
{
	const char *name = json_string_value(json_object_get(snapshot, "name"));
	uint64_t number;
	char *end;

	if (!name || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	name += strlen(PREFIX);
	if (*name < '1' || *name > '9')
		return 0;
	errno = 0;
	number = strtoull(name, &end, 10);
	return errno || *end ? 0 : number;
}

static const json_t *find_node(const json_t *nodes, const char *name)
{
	const json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node)
	{
		const char *found =
			json_string_value(json_object_get(node, "node-name"));

		if (found && strcmp(found, name) == 0)
			return node;
	}
	return NULL;
}

static uint64_t last_of(const json_t *node)
{
	const json_t *snapshots =
		json_object_get(json_object_get(node, "image"), "snapshots");
	const json_t *snapshot;
	uint64_t last = 0;
	size_t i;

	json_array_foreach(snapshots, i, snapshot) last =
		max_u64(last, number_of(snapshot));
	return last;
}

int block_snapshot_last(const struct block_snapshot *snapshot,
			uint64_t *ret_number, struct smudge_error *err)
{
	struct smudge_error why = SMUDGE_ERROR_INIT;
	struct qmp_talk *talk = NULL;
	json_t *nodes = NULL;
	const json_t *node;
	int ret = open_talk(snapshot, &talk, &why);

	if (!ret)
		ret = qmp_talk_run(talk, "query-named-block-nodes",
				   json_pack("{s:b}", "flat", 1), &nodes, &why);
	qmp_talk_close(talk);
	if (ret)
		return say(snapshot, ret, &why, err);
	node = find_node(nodes, snapshot->node);
	if (node)
		*ret_number = last_of(node);
	json_decref(nodes);
	if (node)
		return 0;
	return smudge_error_set(err, -ENODEV, "snapshot",
				"there is no node %.60s behind %.80s",
				snapshot->node, snapshot->socket_path);
}
