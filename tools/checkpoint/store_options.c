/* SPDX-License-Identifier: MIT */
/*
 * Values are checked as they come, and whether they belong together at the end.
 */
#include "checkpoint/store_options.h"

#include "commands.h"
#include "common/nbd_uri.h"

#include <stddef.h>
#include <stdint.h>

#define NAME "checkpoint"

int checkpoint_take_command(const char *command,
			    const struct tool_option *option, const char *value)
{
	if (*value)
		return TOOL_OK;
	return tool_usage(command, "--%s takes a command", option->name);
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
