/* SPDX-License-Identifier: MIT */
/*
 * Values are checked as they come, and whether they belong together at the end.
 */
#include "checkpoint/store_options.h"

#include "commands.h"
#include "number.h"

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
	default:
		return TOOL_USAGE;
	}
}

int checkpoint_check_store(const struct checkpoint_request *request)
{
	if (request->store_deadline_ns && !request->on_commit)
		return tool_usage(NAME, "--store-deadline needs --on-commit");
	if (request->qmp && request->on_commit)
		return tool_usage(NAME, "--on-commit does not belong to --qmp");
	return TOOL_OK;
}
