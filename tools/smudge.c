/* SPDX-License-Identifier: MIT */
/*
 * smudge: subcommands around virtual machines that track their dirty memory.
 */
#include "commands.h"

#include "common/streams.h"

#include <smudge/smudge.h>

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
} commands[] = {
	{"checkpoint", command_checkpoint,
	 "save a running VM's guest, or a process"},
	{"demo", command_demo, "move a running guest to another process"},
	{"features", command_features, "what this kernel offers for tracking"},
	{"layers", command_layers, "look at checkpoints on disk"},
	{"migrate", command_migrate, "migrate the guest of a running VM"},
	{"qmp", command_qmp, "run one QMP command and print its reply"},
	{"rate", command_rate, "how fast a process writes its memory"},
	{"restore", command_restore,
	 "continue a QEMU's guest from a checkpoint"},
	{"screenshot", command_screenshot, "save a VNC server's screen"},
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	puts("usage: smudge COMMAND [OPTION]...\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("  %-11s %s\n", commands[i].name, commands[i].summary);
	puts("  help        print this text, or that of the COMMAND it is "
	     "given\n"
	     "\n"
	     "  --help    this text; 'smudge COMMAND --help' says more\n"
	     "  --version the version\n\n"
	     "Exit status: 0, 1 when it failed, 2 for a wrong command line.");
	return TOOL_OK;
}

static int run_command(int argc, char *argv[])
{
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(argc, argv);
	}
	return tool_usage(NULL, "there is no command '%s'", argv[0]);
}

static int help_of(int argc, char *argv[])
{
	char option[] = "--help";
	char *with_option[] = {argv[1], option, NULL};

	if (argc > 2)
		return tool_usage(NULL, "help: '%s' is too much", argv[2]);
	if (argc < 2 || argv[1][0] == '-' || strcmp(argv[1], "help") == 0)
		return help();
	return run_command(2, with_option);
}

static int run(int argc, char *argv[])
{
	if (argc < 2)
		return tool_usage(NULL, "a command is missing");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help_of(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0) {
		printf("smudge %s\n", smudge_version());
		return TOOL_OK;
	}
	if (argv[1][0] == '-')
		return tool_usage(NULL, "there is no option '%s'", argv[1]);
	return run_command(argc - 1, argv + 1);
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
	if (status == TOOL_HELP)
		status = TOOL_OK;
	ret = streams_finish();
	if (ret == 0 || status != TOOL_OK)
		return status;
	fprintf(stderr, "smudge: cannot write to standard output: %s\n",
		strerror(-ret));
	return TOOL_FAILED;
}
