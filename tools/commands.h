/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of smudge. Each gets its own name as argv[0] and returns the
 * exit status: 0, 1 if it failed (one sentence on stderr; none where features
 * answers that something does not work), 2 for a wrong command line.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <smudge/error.h>

#include <getopt.h>

enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
};

int command_checkpoint(int argc, char *argv[]);
int command_demo(int argc, char *argv[]);
int command_features(int argc, char *argv[]);
int command_layers(int argc, char *argv[]);
int command_migrate(int argc, char *argv[]);
int command_qmp(int argc, char *argv[]);
int command_rate(int argc, char *argv[]);
int command_restore(int argc, char *argv[]);
int command_screenshot(int argc, char *argv[]);

/* Print one sentence on stderr. Return TOOL_FAILED or TOOL_USAGE. */
int tool_failed(const struct smudge_error *err);
/* @command: the subcommand, whose help the sentence names; NULL: none. */
int tool_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What tool_option returns besides the codes of options. */
enum tool_option {
	TOOL_OPTION_NONE = -1,	/* words follow, or nothing */
	TOOL_OPTION_WRONG = -2, /* one sentence is on stderr */
	TOOL_OPTION_HELP = 'h',
};

/*
 * tool_option - the next option of a subcommand
 * @argv: argv[0] is the subcommand. Options may follow its words: all words
 *        are behind the options after the last call, from optind
 * @known: long options, as getopt_long takes them, --help among them; -h is
 *         another name for it
 *
 * Return: the option's code, or an enum tool_option.
 */
int tool_option(int argc, char *argv[], const struct option *known);

#endif
