/* SPDX-License-Identifier: MIT */
/*
 * The options of smudge checkpoint that are about its store.
 */
#ifndef TOOLS_CHECKPOINT_STORE_OPTIONS_H
#define TOOLS_CHECKPOINT_STORE_OPTIONS_H

#include "checkpoint/request.h"
#include "options.h"

#define CHECKPOINT_MAX_DEADLINE_S (UINT64_C(3600) * 24 * 365)

/* Rows for the command's table of options. @request: receives them */
#define CHECKPOINT_STORE_OPTIONS(request)                                     \
	{"on-commit", .text = &(request)->on_commit,                          \
	 .take = checkpoint_take_command},                                    \
		{"store-deadline", .number = &(request)->store_deadline_ns,   \
		 .max = CHECKPOINT_MAX_DEADLINE_S, .unit = TOOL_NS_PER_TENTH, \
		 TOOL_SECONDS},                                               \
		{"snapshot-qmp", .text = &(request)->snapshot_qmp},           \
		{"snapshot-node", .text = &(request)->snapshot_node},         \
	{                                                                     \
		"store-without-flush", .flag = &(request)->may_lack_flush     \
	}

/* It is not empty. */
int checkpoint_take_command(const char *command,
			    const struct tool_option *option,
			    const char *value);

/* Do they belong together? Return: TOOL_OK, or TOOL_USAGE after a sentence. */
int checkpoint_check_store(const struct checkpoint_request *request);

#endif
