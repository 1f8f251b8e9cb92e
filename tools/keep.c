/* SPDX-License-Identifier: MIT */
/*
 * Numbers of layers to keep, from the command line.
 */
#include "keep.h"

#include "commands.h"

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
