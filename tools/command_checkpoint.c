/* SPDX-License-Identifier: MIT */
/*
 * smudge checkpoint: save the memory of a running VM, or of any process, as
 * layers. Its parts are in checkpoint/.
 */
#include "commands.h"

#include "checkpoint/process.h"
#include "checkpoint/request.h"
#include "checkpoint/store_options.h"
#include "checkpoint/vm.h"
#include "clock.h"
#include "common/layer_name.h"
#include "number.h"
#include "options.h"
#include "qemu/subject.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

static const char help_text[] =
	"usage: smudge checkpoint --qmp SOCKET --to FOLDER|URI [OPTION]...\n"
	"       smudge checkpoint --qemu SOCKET --to FOLDER|URI [--every S] "
	"[OPTION]...\n"
	"       smudge checkpoint --pid PID --to FOLDER|URI [--every S] "
	"[OPTION]...\n"
	"\n"
	"Saves memory as the next layer of FOLDER, and waits until it is in "
	"place: of\n"
	"the guest of a smudge-vm; of that of a stock QEMU, with its devices' "
	"state; of\n"
	"any process, with its threads' registers. It stands while what it "
	"wrote since\n"
	"the layer before is copied. Ctrl-C ends it, and lets it run.\n"
	"\n"
	"  --qmp SOCKET         the VM's control socket\n"
	"  --qemu SOCKET        QMP of a QEMU with shared memory "
	"(memory-backend-memfd)\n"
	"  --pid PID            a process; smudge layers export makes core "
	"files of it\n"
	"  --to FOLDER          made if it is missing; with --qmp the VM "
	"writes "
	"to it\n"
	"  --full               all memory, not only what was written\n"
	"  --uncompressed       store pages as they are\n"
	"  --look-ahead         with --qmp: copy before the pause too: a "
	"shorter "
	"pause,\n"
	"                       more work; otherwise that is always done\n"
	"  --pause-deadline MS  let it run after so many milliseconds, and "
	"fail\n"
	"  --every S            without --qmp: a layer every S seconds, in "
	"tenths, "
	"until\n"
	"                       Ctrl-C or its end; each run begins with a full "
	"one\n"
	"  --count N            with --every: end after N checkpoints\n"
	"  --full-every N       with --every: every Nth layer is full "
	"(64)\n" KEEP_HELP
	"  --disk-snapshot      with --qemu: a snapshot within each disk's "
	"image too\n"
	"  --disk-overlays DIR  with --qemu: an overlay of each disk in DIR "
	"instead\n"
	"  --to URI             the live image of a disk behind an NBD server, "
	"such as\n"
	"                       nbd://HOST/X or nbd+unix:///X?socket=PATH "
	"(nbds: TLS).\n"
	"                       Its engine takes a snapshot of each "
	"checkpoint, by one\n"
	"                       of the next two\n"
	"  --on-commit COMMAND  run COMMAND when a layer is in place, or the "
	"disk is\n"
	"                       flushed, with SMUDGE_LAYER, _NUMBER, _DIGEST, "
	"_TIME\n"
	"                       and _FULL\n"
	"  --snapshot-qmp SOCKET\n"
	"  --snapshot-node NODE  have a qemu-storage-daemon take smudge-NUMBER "
	"of NODE\n"
	"  --store-deadline S   what takes longer in the store, COMMAND "
	"included, has\n"
	"                       failed (60 for a disk)\n"
	"  --store-without-flush\n"
	"                       take a server that cannot flush\n"
	"  --json               no progress; each layer as one object\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0 when the layers are in place, otherwise 1; 2 for a "
	"wrong command\n"
	"line.\n";

#define NAME		"checkpoint"
#define MAX_DEADLINE_MS 3600000
#define MAX_INTERVAL_S	(UINT64_C(3600) * 24 * 365)
#define MAX_CHAIN	4096 /* as in smudge_checkpointer_options */

/* FOLDER@N is a layer wherever else a folder is given. FOLDER@N/ is none. */
static int take_folder(const char *command, const struct tool_option *option,
		       const char *value)
{
	struct layer_name name;
	int ret = layer_name_parse(value, &name);
	bool is_layer = ret == -EINVAL || (!ret && name.number);

	if (ret == -EPROTONOSUPPORT)
		return tool_usage(command,
				  "--to takes a folder or a disk, not "
				  "'%.60s': %s",
				  value, layer_name_reason(ret));
	if (!*value || !is_layer)
		return TOOL_OK;
	return tool_usage(command,
			  "--to takes a folder, and '%.40s' names a "
			  "layer of one",
			  value);
}

static int take_pid(const char *command, const struct tool_option *option,
		    const char *value)
{
	struct checkpoint_request *request = option->request;
	uint64_t pid = 0;

	if (!number_parse(value, INT32_MAX, &pid) || !pid)
		return tool_usage(command, "'%.40s' is no number of a process",
				  value);
	request->pid = (pid_t)pid;
	return TOOL_OK;
}

static int check_series(const struct checkpoint_request *request)
{
	const char *of_series = request->every_ns     ? "--every"
				: request->count      ? "--count"
				: request->full_every ? "--full-every"
						      : NULL;

	if (request->qmp && of_series)
		return tool_usage(NAME, "%s does not belong to --qmp",
				  of_series);
	if (!request->every_ns && of_series)
		return tool_usage(NAME, "%s needs --every", of_series);
	return TOOL_OK;
}

static int check_disks(const struct checkpoint_request *request)
{
	const char *of_disks = request->snapshots_disks ? "--disk-snapshot"
			       : request->disk_overlays ? "--disk-overlays"
							: NULL;

	if (of_disks && !request->qemu)
		return tool_usage(NAME, "%s needs --qemu", of_disks);
	if (request->snapshots_disks && request->disk_overlays)
		return tool_usage(NAME, "--disk-overlays takes the place of "
					"--disk-snapshot: give one of them");
	return TOOL_OK;
}

static int check(const struct checkpoint_request *request)
{
	int status;

	if (!request->qmp && !request->qemu && !request->pid)
		return tool_usage(NAME, "--qmp SOCKET, --qemu SOCKET or --pid "
					"PID is missing");
	if (request->qmp && (request->pid || request->qemu))
		return tool_usage(NAME, "%s does not belong to --qmp",
				  request->pid ? "--pid" : "--qemu");
	if (!request->folder || !*request->folder)
		return tool_usage(NAME, "--to FOLDER is missing");
	status = check_disks(request);
	if (status == TOOL_OK)
		status = checkpoint_check_store(request);
	if (status == TOOL_OK)
		status = keep_check(&request->keep, NAME);
	return status == TOOL_OK ? check_series(request) : status;
}

static int parse(int argc, char *argv[], struct checkpoint_request *request)
{
	const struct tool_option options[] = {
		{"qmp", .text = &request->qmp},
		{"qemu", .text = &request->qemu},
		{"pid", .take = take_pid, .request = request},
		{"to", .text = &request->folder, .take = take_folder},
		{"full", .flag = &request->is_full},
		{"uncompressed", .flag = &request->is_uncompressed},
		{"look-ahead", .flag = &request->look_ahead},
		{"pause-deadline", .number = &request->pause_deadline_ms,
		 .min = 1, .max = MAX_DEADLINE_MS,
		 .takes = "a number of milliseconds from 1 on"},
		{"every", .number = &request->every_ns, .max = MAX_INTERVAL_S,
		 .unit = TOOL_NS_PER_TENTH, TOOL_SECONDS},
		{"count", .number = &request->count, .min = 1, .max = INT64_MAX,
		 .takes = "a number from 1 to 9223372036854775807"},
		{"full-every", .number = &request->full_every, .min = 1,
		 .max = MAX_CHAIN, .takes = "a number from 1 to 4096"},
		KEEP_OPTIONS(&request->keep),
		{"disk-snapshot", .flag = &request->snapshots_disks},
		{"disk-overlays", .text = &request->disk_overlays},
		CHECKPOINT_STORE_OPTIONS(request),
		{"json", .flag = &request->is_json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status != TOOL_OK)
		return status;
	if (optind < argc)
		return tool_usage(NAME, "'%.40s' is too much", argv[optind]);
	return check(request);
}

static int run(const struct checkpoint_request *request)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct checkpoint_subject subject;
	int ret;

	interrupt_watch();
	if (request->qmp) {
		ret = checkpoint_vm(request, &err);
	} else {
		ret = request->qemu
			      ? checkpoint_qemu_open(request, &subject, &err)
			      : checkpoint_process_open(request, &subject,
							&err);
		if (!ret)
			ret = checkpoint_outside(request, &subject, &err);
	}
	return ret ? tool_failed(&err) : TOOL_OK;
}

int command_checkpoint(int argc, char *argv[])
{
	struct checkpoint_request request = {0};
	int status = parse(argc, argv, &request);

	return status == TOOL_OK ? run(&request) : status;
}
