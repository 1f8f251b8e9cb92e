/* SPDX-License-Identifier: MIT */
/*
 * The options that say which layers are kept, of several commands.
 */
#ifndef TOOLS_KEEP_H
#define TOOLS_KEEP_H

#include <stdbool.h>
#include <stdint.h>

#include <getopt.h>

#include <smudge/prune.h>

struct keep {
	uint64_t last, hourly, daily, weekly; /* 0: not given */
	uint64_t garbage_percent;	      /* 0 and has_garbage: merge all */
	bool has_garbage;
};

/* Codes of these options, beyond all letters. */
enum keep_code {
	KEEP_LAST = 0x100,
	KEEP_HOURLY,
	KEEP_DAILY,
	KEEP_WEEKLY,
	KEEP_GARBAGE,
};

/* For the options that a command knows. */
#define KEEP_OPTIONS                                                   \
	{"keep-last", required_argument, NULL, KEEP_LAST},             \
		{"keep-hourly", required_argument, NULL, KEEP_HOURLY}, \
		{"keep-daily", required_argument, NULL, KEEP_DAILY},   \
		{"keep-weekly", required_argument, NULL, KEEP_WEEKLY}, \
	{                                                              \
		"garbage", required_argument, NULL, KEEP_GARBAGE       \
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

static inline bool keep_is_option(int code)
{
	return code >= KEEP_LAST && code <= KEEP_GARBAGE;
}

/*
 * keep_take - the option with this code, and optarg
 * @command: for the sentence
 * Return: the exit status so far.
 */
int keep_take(int code, const char *command, struct keep *keep);

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
