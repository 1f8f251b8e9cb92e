/* SPDX-License-Identifier: MIT */
/*
 * Numbers of layers to keep, from the command line.
 */
#include "keep.h"

#include <inttypes.h>

#include "commands.h"
#include "number.h"

#define MAX_KEEP INT64_MAX

static int take_number(const char *option, const char *command,
		       uint64_t *ret_number)
{
	if (number_parse(optarg, MAX_KEEP, ret_number) && *ret_number)
		return TOOL_OK;
	return tool_usage(command,
			  "%s takes a number of layers from 1 on, not '%.40s'",
			  option, optarg);
}

static int take_garbage(const char *command, struct keep *keep)
{
	keep->has_garbage = true;
	if (number_parse(optarg, 100, &keep->garbage_percent))
		return TOOL_OK;
	return tool_usage(command,
			  "--garbage takes a percentage from 0 to 100, not "
			  "'%.40s'",
			  optarg);
}

int keep_take(int code, const char *command, struct keep *keep)
{
	switch (code) {
	case KEEP_LAST:
		return take_number("--keep-last", command, &keep->last);
	case KEEP_HOURLY:
		return take_number("--keep-hourly", command, &keep->hourly);
	case KEEP_DAILY:
		return take_number("--keep-daily", command, &keep->daily);
	case KEEP_WEEKLY:
		return take_number("--keep-weekly", command, &keep->weekly);
	default:
		return take_garbage(command, keep);
	}
}

int keep_check(const struct keep *keep, const char *command)
{
	if (!keep->has_garbage || keep_is_any(keep))
		return TOOL_OK;
	return tool_usage(command,
			  "--garbage needs --keep-last, --keep-hourly, "
			  "--keep-daily or --keep-weekly");
}

void keep_options(const struct keep *keep, struct smudge_prune_options *options)
{
	options->keep_last = keep->last;
	options->keep_hourly = keep->hourly;
	options->keep_daily = keep->daily;
	options->keep_weekly = keep->weekly;
	options->garbage_percent = (unsigned int)keep->garbage_percent;
	options->merge_all = keep->has_garbage && !keep->garbage_percent;
}
