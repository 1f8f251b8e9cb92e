/* SPDX-License-Identifier: MIT */
/*
 * smudge: subcommands around virtual machines that track their dirty memory.
 */
#include "commands.h"

#include "common/streams.h"

#include <smudge/smudge.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
} commands[] = {
	{"demo", command_demo, "move a running guest to another process"},
	{"migrate", command_migrate, "migrate the guest of a running VM"},
	{"qmp", command_qmp, "run one QMP command and print its reply"},
	{"screenshot", command_screenshot, "save a VNC server's screen"},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

int tool_failed(const struct smudge_error *err)
{
	fprintf(stderr, "smudge: %s\n", err->message);
	return TOOL_FAILED;
}

int tool_usage(const char *format, ...)
{
	struct smudge_error err = {0};
	char text[sizeof(err.message)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* smudge_error_set removes a terminal's control bytes */
	smudge_error_set(&err, -EINVAL, "smudge", "%s", text);
	fprintf(stderr, "smudge: %s; see smudge --help\n", err.message);
	return TOOL_USAGE;
}

static int help(void)
{
	puts("usage: smudge COMMAND [OPTION]...\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].summary);
	puts("\n  --help    this text; 'smudge COMMAND --help' says more\n"
	     "  --version the version\n\n"
	     "Exit status: 0, 1 when it failed, 2 for a wrong command line.");
	return TOOL_OK;
}

static int run(int argc, char *argv[])
{
	if (argc < 2)
		return tool_usage("a command is missing");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "--version") == 0) {
		printf("smudge %s\n", smudge_version());
		return TOOL_OK;
	}
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return tool_usage("there is no command '%s'", argv[1]);
}

/*
 * A command's result is what it prints, so lost output is a failure. It is
 * reported once.
 */
int main(int argc, char *argv[])
{
	int ret = streams_prepare();
	int status;

	if (ret < 0)
		return TOOL_FAILED;
	status = run(argc, argv);
	ret = streams_finish();
	if (ret == 0 || status != TOOL_OK)
		return status;
	fprintf(stderr, "smudge: cannot write to standard output: %s\n",
		strerror(-ret));
	return TOOL_FAILED;
}
