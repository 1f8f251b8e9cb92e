/* SPDX-License-Identifier: MIT */
/*
 * smudge checkpoint: have a running VM save a layer, and say how it ended. Its
 * parts are in checkpoint/.
 */
#include "commands.h"

#include "checkpoint/request.h"
#include "checkpoint/vm.h"
#include "clock.h"
#include "common/layer_name.h"
#include "number.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static const char help_text[] =
	"usage: smudge checkpoint --qmp SOCKET --to FOLDER [OPTION]...\n"
	"\n"
	"Saves the guest of the VM behind SOCKET as the next layer of FOLDER, "
	"and waits\n"
	"until it is in place. The guest is paused while what it wrote since "
	"the layer\n"
	"before is copied. Ctrl-C cancels it.\n"
	"\n"
	"  --qmp SOCKET         the VM's control socket\n"
	"  --to FOLDER          made if it is missing; the VM must be able to "
	"write it\n"
	"  --full               all memory, not only what was written\n"
	"  --uncompressed       store pages as they are\n"
	"  --look-ahead         copy before the pause too: a shorter pause, "
	"more work\n"
	"  --pause-deadline MS  let the guest run after so many milliseconds, "
	"and fail\n"
	"  --json               no progress; the checkpoint as one object\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0 when the layer is in place, otherwise 1; 2 for a wrong "
	"command\n"
	"line.\n";

#define NAME		"checkpoint"
#define MAX_DEADLINE_MS 3600000

/* FOLDER@N is a layer wherever else a folder is given. FOLDER@N/ is none. */
static int take_folder(struct checkpoint_request *request)
{
	struct layer_name name;
	int ret = layer_name_parse(optarg, &name);
	bool is_layer = ret == -EINVAL || (!ret && name.number);

	request->folder = optarg;
	if (!*optarg || !is_layer)
		return TOOL_OK;
	return tool_usage(NAME,
			  "--to takes a folder, and '%.40s' names a "
			  "layer of one",
			  optarg);
}

static int take_deadline(struct checkpoint_request *request)
{
	uint64_t ms;

	if (!number_parse(optarg, MAX_DEADLINE_MS, &ms) || !ms)
		return tool_usage(NAME,
				  "--pause-deadline takes a number of "
				  "milliseconds from 1 on, not '%.40s'",
				  optarg);
	request->pause_deadline_ms = ms;
	return TOOL_OK;
}

static int take_option(int code, struct checkpoint_request *request)
{
	switch (code) {
	case 'q':
		request->qmp = optarg;
		return TOOL_OK;
	case 't':
		return take_folder(request);
	case 'f':
		request->is_full = true;
		return TOOL_OK;
	case 'u':
		request->is_uncompressed = true;
		return TOOL_OK;
	case 'l':
		request->look_ahead = true;
		return TOOL_OK;
	case 'd':
		return take_deadline(request);
	case 'j':
		request->is_json = true;
		return TOOL_OK;
	case TOOL_OPTION_HELP:
		request->is_help = true;
		return TOOL_OK;
	default:
		return TOOL_USAGE;
	}
}

static int parse(int argc, char *argv[], struct checkpoint_request *request)
{
	static const struct option known[] = {
		{"qmp", required_argument, NULL, 'q'},
		{"to", required_argument, NULL, 't'},
		{"full", no_argument, NULL, 'f'},
		{"uncompressed", no_argument, NULL, 'u'},
		{"look-ahead", no_argument, NULL, 'l'},
		{"pause-deadline", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, TOOL_OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int status = TOOL_OK;
	int code;

	while (status == TOOL_OK &&
	       (code = tool_option(argc, argv, known)) != TOOL_OPTION_NONE)
		status = take_option(code, request);
	if (status != TOOL_OK || request->is_help)
		return status;
	if (!request->qmp)
		return tool_usage(NAME, "--qmp SOCKET is missing");
	if (!request->folder || !*request->folder)
		return tool_usage(NAME, "--to FOLDER is missing");
	if (optind < argc)
		return tool_usage(NAME, "'%.40s' is too much", argv[optind]);
	return TOOL_OK;
}

static int run(const struct checkpoint_request *request)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	interrupt_watch();
	return checkpoint_vm(request, &err) ? tool_failed(&err) : TOOL_OK;
}

int command_checkpoint(int argc, char *argv[])
{
	struct checkpoint_request request = {0};
	int status = parse(argc, argv, &request);

	if (status != TOOL_OK)
		return status;
	if (!request.is_help)
		return run(&request);
	fputs(help_text, stdout);
	return TOOL_OK;
}
