/* SPDX-License-Identifier: MIT */
/*
 * smudge restore: a QEMU's guest continues from a checkpoint. The parts are in
 * restore/.
 */
#include "commands.h"

#include <getopt.h>
#include <string.h>

#include "clock.h"
#include "options.h"
#include "restore/files.h"
#include "restore/plan.h"
#include "restore/report.h"
#include "restore/request.h"
#include "restore/run.h"

static const char help_text[] =
	"usage: smudge restore FOLDER[@N]|URI --qemu --memory FILE "
	"[OPTION]...\n"
	"       smudge restore FOLDER[@N]|URI --qemu --memory FILE ... "
	"-- QEMU...\n"
	"\n"
	"Brings back a QEMU's guest as it was at a checkpoint: the newest "
	"layer of\n"
	"FOLDER, layer N, or what a disk behind an NBD server (nbd://...) "
	"shows. Writes\n"
	"its memory to FILE and the state of its devices to\n"
	"FILE.state, and prints the command line that continues it. What a "
	"smudge-vm\n"
	"saved is continued by smudge-vm --restore instead.\n"
	"\n"
	"  --qemu         the checkpoint is of a QEMU\n"
	"  --memory FILE  the memory of the new machine, which maps it; with "
	"several\n"
	"                 memory backends FILE.ID for each\n"
	"  --run          run the command line: this process becomes QEMU, and "
	"the guest\n"
	"                 continues, unless it had been paused\n"
	"  --force        replace files of these names\n"
	"  --json         no progress; what was made as one object\n"
	"  --help         this text\n"
	"\n"
	"QEMU... is a command line to use in place of the machine's own, with "
	"the same\n"
	"devices and memory backends. The layer's is run as it is: restore "
	"with --run\n"
	"only what you trust.\n"
	"\n"
	"Exit status: 0; 1 if it failed; 2 for a wrong command line; with "
	"--run that of\n"
	"QEMU.\n";

#define NAME "restore"

static int report(const struct restore_request *request,
		  struct restore_plan *plan, struct smudge_error *err)
{
	int ret = 0;

	restore_report_notes(plan);
	if (request->is_json || !request->is_run)
		ret = restore_report(plan, request->is_json, err);
	if (ret || !request->is_run)
		return ret;
	return restore_run(plan, err);
}

static int run(const struct restore_request *request)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct restore_plan plan;
	int ret;

	interrupt_watch();
	ret = restore_plan_make(request, &plan, &err);
	if (!ret && request->is_run)
		ret = restore_run_check(&plan, &err);
	if (!ret)
		ret = restore_files_write(request, &plan, &err);
	if (!ret)
		ret = report(request, &plan, &err);
	restore_plan_free(&plan);
	return ret ? tool_failed(&err) : TOOL_OK;
}

/* FOLDER[@N], and behind -- a command line. */
static int take_words(int argc, char *argv[], struct restore_request *request)
{
	bool has_dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
	int ret;

	if (optind == argc)
		return tool_usage(NAME, "FOLDER is missing");
	ret = layer_name_parse(argv[optind], &request->layer);
	if (ret)
		return tool_usage(NAME, "'%.60s' names no layer: %s",
				  argv[optind], layer_name_reason(ret));
	if (optind + 1 < argc && !has_dashes)
		return tool_usage(NAME, "'%.40s' is too much",
				  argv[optind + 1]);
	if (optind + 1 < argc)
		request->words = argv + optind + 1;
	return TOOL_OK;
}

static int check(const struct restore_request *request)
{
	if (!request->is_qemu)
		return tool_usage(NAME,
				  "--qemu is missing: this restores a QEMU's "
				  "guest, and smudge-vm --restore a "
				  "smudge-vm's");
	if (!request->memory || !*request->memory)
		return tool_usage(NAME, "--memory FILE is missing");
	if (strcmp(request->memory, "-") == 0)
		return tool_usage(NAME, "--memory takes a file, which QEMU "
					"maps, and no pipe: a file of that "
					"name is ./-");
	return TOOL_OK;
}

static int parse(int argc, char *argv[], struct restore_request *request)
{
	const struct tool_option options[] = {
		{"qemu", .flag = &request->is_qemu},
		{"memory", .text = &request->memory},
		{"run", .flag = &request->is_run},
		{"force", .flag = &request->replaces_files},
		{"json", .flag = &request->is_json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status == TOOL_OK)
		status = take_words(argc, argv, request);
	return status == TOOL_OK ? check(request) : status;
}

int command_restore(int argc, char *argv[])
{
	struct restore_request request = {0};
	int status = parse(argc, argv, &request);

	return status == TOOL_OK ? run(&request) : status;
}
