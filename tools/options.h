/* SPDX-License-Identifier: MIT */
/*
 * The options of a subcommand: a table, of which each row says where its
 * option's value goes.
 *
 *	const struct tool_option options[] = {
 *		{"json", .flag = &request->is_json},
 *		{"qmp", .text = &request->qmp},
 *		{"count", .number = &request->count, .max = 100,
 *		 .takes = "a number up to 100"},
 *		{"help", .help = help_text},
 *		{.name = NULL},
 *	};
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "number.h"

/* At most in a table; further ones are unknown. */
#define TOOL_MAX_OPTIONS 64

struct tool_option {
	const char *name; /* behind "--"; NULL ends the table */

	/* What the option does: one or more of these, in this order. */
	bool *flag;	   /* becomes true */
	const char **text; /* receives the value */
	uint64_t *number;  /* receives it as a number, by the fields below */
	/*
	 * Looks at the value, which it may keep. Return: the exit status so
	 * far, TOOL_USAGE after a sentence.
	 */
	int (*take)(const char *command, const struct tool_option *option,
		    const char *value);
	void *request;	  /* for take */
	const char *help; /* is printed, and nothing more is read */

	/* Of a number; parse NULL: number_parse. */
	bool (*parse)(const char *text, uint64_t max, uint64_t *ret_value);
	uint64_t min, max;
	uint64_t unit;	   /* what 1 is worth; 0: 1 */
	const char *takes; /* for the sentence: what the value is to be */

	/* It is another subcommand's: here there is no such option. */
	bool is_absent;
};

/* Seconds, as tenths. */
#define TOOL_SECONDS_TEXT \
	"seconds, 0.1 at least and with at most one digit behind the point"
#define TOOL_SECONDS	  .parse = number_parse_tenths, .takes = TOOL_SECONDS_TEXT
#define TOOL_NS_PER_TENTH UINT64_C(100000000)

/* Bytes, or bytes per second. */
#define TOOL_BYTES                                     \
	.parse = number_parse_bytes, .max = INT64_MAX, \
	.takes = "a number of bytes or one with K, M, G or T"

/*
 * tool_options_take - the options of a subcommand, in their order
 * @argv: argv[0] is the subcommand. Options may follow its words: all words
 *        are behind the options after this call, from optind
 * @options: --help among them; -h is another name for it
 *
 * Return: TOOL_OK, TOOL_USAGE after a sentence, TOOL_HELP after the help, or
 * what a take returned.
 */
int tool_options_take(int argc, char *argv[],
		      const struct tool_option *options);

#endif
