/* SPDX-License-Identifier: MIT */
/*
 * Values are checked as they come, and whether they belong together at the end.
 */
#include "checkpoint/store_options.h"

#include "commands.h"
#include "common/nbd_uri.h"
#include "number.h"

#include <stddef.h>
#include <stdint.h>

#define NAME	       "checkpoint"
#define MAX_DEADLINE_S (UINT64_C(3600) * 24 * 365)
#define NS_PER_TENTH   UINT64_C(100000000)

static int take_deadline(struct checkpoint_request *request)
{
	uint64_t tenths;

	if (!number_parse_tenths(optarg, MAX_DEADLINE_S, &tenths))
		return tool_usage(NAME,
				  "--store-deadline takes seconds, 0.1 at "
				  "least and with at most one digit behind the "
				  "point, not '%.40s'",
				  optarg);
	request->store_deadline_ns = tenths * NS_PER_TENTH;
	return TOOL_OK;
}

static int take_command(struct checkpoint_request *request)
{
	request->on_commit = optarg;
	if (*optarg)
		return TOOL_OK;
	return tool_usage(NAME, "--on-commit takes a command");
}

int checkpoint_take_store_option(int code, struct checkpoint_request *request)
{
	switch (code) {
	case CHECKPOINT_ON_COMMIT:
		return take_command(request);
	case CHECKPOINT_STORE_DEADLINE:
		return take_deadline(request);
	case CHECKPOINT_SNAPSHOT_QMP:
		request->snapshot_qmp = optarg;
		return TOOL_OK;
	case CHECKPOINT_SNAPSHOT_NODE:
		request->snapshot_node = optarg;
		return TOOL_OK;
	case CHECKPOINT_WITHOUT_FLUSH:
		request->may_lack_flush = true;
		return TOOL_OK;
	default:
		return TOOL_USAGE;
	}
}

/* A live image is overwritten by the next one, so it must not be all there is.
 */
static int check_disk(const struct checkpoint_request *request)
{
	if (keep_is_any(&request->keep))
		return tool_usage(NAME, "the history of a disk is its engine's "
					"snapshots, which it removes: "
					"--keep-* is for folders");
	if (request->on_commit || request->snapshot_qmp)
		return TOOL_OK;
	return tool_usage(NAME, "a disk holds one moment, which the next "
				"checkpoint overwrites: have its engine take a "
				"snapshot of each with --on-commit, or with "
				"--snapshot-qmp and --snapshot-node");
}

static int check_folder(const struct checkpoint_request *request)
{
	const char *of_disk = request->snapshot_qmp ? "--snapshot-qmp"
			      : request->may_lack_flush
				      ? "--store-without-flush"
				      : NULL;

	if (of_disk)
		return tool_usage(NAME,
				  "%s needs a disk: --to nbd://HOST/EXPORT",
				  of_disk);
	if (request->store_deadline_ns && !request->on_commit)
		return tool_usage(NAME, "--store-deadline needs --on-commit, "
					"or a disk: --to nbd://HOST/EXPORT");
	return TOOL_OK;
}

int checkpoint_check_store(const struct checkpoint_request *request)
{
	if (!request->snapshot_qmp != !request->snapshot_node)
		return tool_usage(NAME, "--snapshot-qmp SOCKET and "
					"--snapshot-node NODE belong together");
	if (request->qmp && request->may_lack_flush)
		return tool_usage(NAME, "--store-without-flush does not belong "
					"to --qmp");
	return nbd_uri_is(request->folder) ? check_disk(request)
					   : check_folder(request);
}
