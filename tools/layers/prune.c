/* SPDX-License-Identifier: MIT */
/*
 * smudge layers prune: remove the layers of a folder that are not to be kept.
 */
#include "layers/layers.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "commands.h"
#include "common/streams.h"
#include "keep.h"
#include "layers/pruned.h"
#include "options.h"
#include "print_json.h"
#include "text.h"
#include "work.h"

#define NAME "layers prune"

static const char help_text[] =
	"usage: smudge layers prune FOLDER --keep-last N [OPTION]...\n"
	"\n"
	"Removes the layers of a folder that no --keep option wants. The "
	"newest is always\n"
	"kept. Those that a kept one stands on are merged into it, in batches. "
	"What is\n"
	"kept is the same memory afterwards, and at every moment between. "
	"Layers that a\n"
	"program has open stay for the next time. Ctrl-C ends it; done again, "
	"it\n"
	"continues.\n"
	"\n" KEEP_HELP
	"  --dry-run            change nothing: only say what would be done\n"
	"  --uncompressed       store pages of merged layers as they are\n"
	"  --json               no progress; one object\n"
	"  --help               this text\n"
	"\n"
	"Exit status: 0, 1 if it failed, 2 for a wrong command line.\n";

struct prune {
	const char *folder;
	struct keep keep;
	bool is_dry, is_uncompressed, is_json;
	struct work work;
	json_t *layers; /* NULL: print rows */
};

static int take_folder(int argc, char *argv[], struct prune *prune)
{
	if (optind == argc)
		return tool_usage(NAME, "FOLDER is missing");
	prune->folder = argv[optind++];
	if (optind < argc)
		return tool_usage(NAME, "'%.40s' is too much", argv[optind]);
	if (!keep_is_any(&prune->keep))
		return tool_usage(NAME, "--keep-last, --keep-hourly, "
					"--keep-daily or --keep-weekly is "
					"missing");
	return layers_check_folder(NAME, prune->folder);
}

static int parse(int argc, char *argv[], struct prune *prune)
{
	const struct tool_option options[] = {
		KEEP_OPTIONS(&prune->keep),
		{"dry-run", .flag = &prune->is_dry},
		{"uncompressed", .flag = &prune->is_uncompressed},
		{"json", .flag = &prune->is_json},
		{"help", .help = help_text},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	return status == TOOL_OK ? take_folder(argc, argv, prune) : status;
}

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct prune *prune = opaque;

	if (total_bytes)
		work_show(&prune->work, (double)done_bytes,
			  (double)total_bytes);
	return interrupted();
}

static void found(void *opaque, const struct smudge_pruned_layer *layer)
{
	struct prune *prune = opaque;

	if (prune->layers)
		json_array_append_new(prune->layers, pruned_json(layer));
	else
		pruned_print(layer, &prune->work);
}

static int report(const struct prune *prune,
		  const struct smudge_prune_result *result,
		  struct smudge_error *err)
{
	json_t *reply;
	int ret;

	if (!prune->layers) {
		pruned_print_result(result, prune->is_dry);
		streams_flush();
		return 0;
	}
	reply = pruned_result_json(result);
	json_object_set_new(reply, "folder", layers_text_json(prune->folder));
	json_object_set_new(reply, "dry-run", json_boolean(prune->is_dry));
	json_object_set(reply, "layers", prune->layers);
	ret = print_json(reply, JSON_INDENT(2), err);
	json_decref(reply);
	return ret;
}

static int run(struct prune *prune, struct smudge_error *err)
{
	struct smudge_prune_result result = {.size = sizeof(result)};
	struct smudge_prune_options options = {
		.size = sizeof(options),
		.folder = prune->folder,
		.dry_run = prune->is_dry,
		.uncompressed = prune->is_uncompressed,
		.pruned = found,
		.progress = progress,
		.opaque = prune,
	};
	int ret;

	keep_options(&prune->keep, &options);
	prune->layers = prune->is_json ? json_array() : NULL;
	work_begin(&prune->work, "merged", prune->is_json);
	ret = smudge_layers_prune(&options, &result, err);
	work_end(&prune->work);
	ret = layers_interrupted(ret, err);
	if (!ret)
		ret = report(prune, &result, err);
	json_decref(prune->layers);
	return ret;
}

int layers_prune(int argc, char *argv[])
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct prune prune = {0};
	int status = parse(argc, argv, &prune);

	if (status != TOOL_OK)
		return status;
	interrupt_watch();
	return run(&prune, &err) ? tool_failed(&err) : TOOL_OK;
}
