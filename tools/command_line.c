/* SPDX-License-Identifier: MIT */
/*
 * What all subcommands share: sentences on stderr, and options.
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

/* A wrong letter after a single dash is in optopt, and may not be the last. */
static int wrong_option(int code, char *argv[])
{
	const char *text = argv[optind - 1];

	if (code == ':')
		tool_usage(argv[0], "a value is missing after '%s'", text);
	else if (optopt > ' ' && optopt <= '~' && strncmp(text, "--", 2) != 0)
		tool_usage(argv[0], "there is no option '-%c'", optopt);
	else if (optopt)
		tool_usage(argv[0], "no value belongs to '%s'", text);
	else
		tool_usage(argv[0], "there is no option '%s'", text);
	return TOOL_OPTION_WRONG;
}

int tool_option(int argc, char *argv[], const struct option *known)
{
	int code;

	opterr = 0;
	/* ":": a missing value has a code of its own */
	code = getopt_long(argc, argv, ":h", known, NULL);
	return code == '?' || code == ':' ? wrong_option(code, argv) : code;
}
