/* SPDX-License-Identifier: MIT */
/*
 * The options that say which layers are kept, of several commands.
 */
#ifndef TOOLS_KEEP_H
#define TOOLS_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/prune.h>

#include "options.h"

struct keep {
	uint64_t last, hourly, daily, weekly; /* 0: not given */
	uint64_t garbage_percent;	      /* 0 and has_garbage: merge all */
	bool has_garbage;
};

#define KEEP_NUMBER \
	.min = 1, .max = INT64_MAX, .takes = "a number of layers from 1 on"

/* Rows for a command's table of options. @keep: receives them */
#define KEEP_OPTIONS(keep)                                                 \
	{"keep-last", .number = &(keep)->last, KEEP_NUMBER},               \
		{"keep-hourly", .number = &(keep)->hourly, KEEP_NUMBER},   \
		{"keep-daily", .number = &(keep)->daily, KEEP_NUMBER},     \
		{"keep-weekly", .number = &(keep)->weekly, KEEP_NUMBER},   \
	{                                                                  \
		"garbage", .flag = &(keep)->has_garbage,                   \
			   .number = &(keep)->garbage_percent, .max = 100, \
			   .takes = "a percentage from 0 to 100"           \
	}

/* What --help says of them: a line each, of which the first three columns are
 * the caller's. */
#define KEEP_HELP                                                              \
	"  --keep-last N        keep the last N layers\n"                      \
	"  --keep-hourly N      and the last one of each of N hours in which " \
	"there\n"                                                              \
	"                       are any (UTC)\n"                               \
	"  --keep-daily N       of each of N days\n"                           \
	"  --keep-weekly N      of each of N weeks, from Monday on\n"          \
	"  --garbage PERCENT    merge when so much of the folder would be "    \
	"freed (25);\n"                                                        \
	"                       0: always\n"

/* Is any layer to be removed? */
static inline bool keep_is_any(const struct keep *keep)
{
	return keep->last || keep->hourly || keep->daily || keep->weekly;
}

/* --garbage alone keeps nothing. Return: the exit status so far. */
int keep_check(const struct keep *keep, const char *command);

/* Set what they say; the rest of @options stays. */
void keep_options(const struct keep *keep,
		  struct smudge_prune_options *options);

#endif
