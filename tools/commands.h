/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of smudge. Each gets its own name as argv[0] and returns the
 * exit status: 0, 1 if it failed (one sentence on stderr), 2 for a wrong
 * command line.
 */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <smudge/error.h>

enum tool_status {
	TOOL_OK = 0,
	TOOL_FAILED = 1,
	TOOL_USAGE = 2,
};

int command_demo(int argc, char *argv[]);
int command_migrate(int argc, char *argv[]);
int command_qmp(int argc, char *argv[]);
int command_screenshot(int argc, char *argv[]);

/* Print one sentence on stderr. Return TOOL_FAILED or TOOL_USAGE. */
int tool_failed(const struct smudge_error *err);
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
