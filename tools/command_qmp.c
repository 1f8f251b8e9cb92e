/* SPDX-License-Identifier: MIT */
/*
 * smudge qmp: one command to a VM's control socket, its reply on stdout.
 */
#include "commands.h"

#include "options.h"
#include "print_json.h"
#include "qmp_client.h"

#include <errno.h>
#include <getopt.h>

static const char help_text[] =
	"usage: smudge qmp --qmp SOCKET COMMAND [JSON-ARGUMENTS]\n"
	"\n"
	"Runs one QMP command and prints what it returns, as JSON.\n"
	"\n"
	"  --qmp SOCKET  the VM's control socket\n"
	"  --compact     print on one line\n"
	"  --help        this text\n"
	"\n"
	"Example: smudge qmp --qmp vm.sock migrate "
	"'{\"uri\": \"tcp:host:4444\"}'\n";

#define NAME "qmp"

struct request {
	const char *socket;
	const char *command;
	json_t *arguments;
	bool is_compact;
};

static int parse_arguments(const char *text, struct request *request)
{
	json_error_t why;

	if (!text)
		return TOOL_OK;
	request->arguments = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!request->arguments)
		return tool_usage(NAME, "the arguments are no JSON object: %s",
				  why.text);
	if (!json_is_object(request->arguments))
		return tool_usage(NAME,
				  "the arguments are no JSON object: '%.60s'",
				  text);
	return TOOL_OK;
}

static int run(struct request *request)
{
	struct qmp_client *client = NULL;
	struct smudge_error err = {0};
	json_t *reply = NULL;
	int ret = qmp_client_open(request->socket, 0, &client, &err);

	if (!ret)
		ret = qmp_client_run(client, request->command,
				     json_incref(request->arguments), &reply,
				     &err);
	qmp_client_close(client);
	if (ret)
		return tool_failed(&err);
	ret = print_json(
		reply,
		JSON_ENCODE_ANY |
			(request->is_compact ? JSON_COMPACT : JSON_INDENT(2)),
		&err);
	json_decref(reply);
	return ret ? tool_failed(&err) : TOOL_OK;
}

static int take_words(int argc, char *argv[], struct request *request)
{
	if (!request->socket)
		return tool_usage(NAME, "--qmp SOCKET is missing");
	if (optind == argc)
		return tool_usage(NAME, "the COMMAND is missing");
	if (argc - optind > 2)
		return tool_usage(NAME, "'%s' is too much", argv[optind + 2]);
	request->command = argv[optind];
	return parse_arguments(argv[optind + 1], request);
}

int command_qmp(int argc, char *argv[])
{
	struct request request = {.socket = NULL};
	const struct tool_option options[] = {
		{"qmp", .text = &request.socket},
		{"compact", .flag = &request.is_compact},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status == TOOL_OK)
		status = take_words(argc, argv, &request);
	if (status == TOOL_OK)
		status = run(&request);
	json_decref(request.arguments);
	return status;
}
