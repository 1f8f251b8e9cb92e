/* SPDX-License-Identifier: MIT */
/*
 * What all subcommands share: sentences on stderr.
 */
#include "commands.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tool_failed(const struct smudge_error *err)
{
	fprintf(stderr, "smudge: %s\n", err->message);
	return TOOL_FAILED;
}

int tool_usage(const char *command, const char *format, ...)
{
	struct smudge_error err = {0};
	char text[sizeof(err.message)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* smudge_error_set removes a terminal's control bytes */
	smudge_error_set(&err, -EINVAL, "smudge", "%s", text);
	fprintf(stderr, "smudge: %s%s%s; see smudge %s%s--help\n",
		command ? command : "", command ? ": " : "", err.message,
		command ? command : "", command ? " " : "");
	return TOOL_USAGE;
}
