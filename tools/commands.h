/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of smudge. Each gets its own name as argv[0] and returns the
 * exit status: 0 (or TOOL_HELP), 1 if it failed (one sentence on stderr; none
 * where features answers that something does not work), 2 for a wrong command
 * line.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <smudge/error.h>

enum tool_status {
	TOOL_HELP = -1, /* --help was printed: exit with 0, do nothing more */
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

#endif
