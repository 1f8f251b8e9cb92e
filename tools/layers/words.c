/* SPDX-License-Identifier: MIT */
/*
 * Command lines, and the layers that they name.
 */
#include "layers/layers.h"

#include <errno.h>
#include <getopt.h>

#include "clock.h"
#include "commands.h"
#include "common/nbd_uri.h"
#include "options.h"

int layers_check_folder(const char *command, const char *word)
{
	if (nbd_uri_is_other(word))
		return tool_usage(command, "'%.60s' is no folder: %s", word,
				  nbd_uri_known);
	if (!nbd_uri_is(word))
		return TOOL_OK;
	return tool_usage(command,
			  "'%.60s' is a disk, which has one layer; this takes "
			  "a FOLDER",
			  word);
}

static int take_words(int argc, char *argv[],
		      const struct layers_syntax *syntax,
		      struct layers_request *request)
{
	size_t n = 0;

	for (; syntax->words[n] && optind < argc; n++)
		request->words[n] = argv[optind++];
	if (syntax->words[n])
		return tool_usage(argv[0], "%s is missing", syntax->words[n]);
	if (optind < argc)
		return tool_usage(argv[0], "'%.40s' is too much", argv[optind]);
	return syntax->names_layer
		       ? TOOL_OK
		       : layers_check_folder(argv[0], request->words[n - 1]);
}

/* Of the name alone: no file is looked at yet. */
static int take_layer(const char *command, struct layers_request *request)
{
	const char *word = request->words[0];
	int ret = layer_name_parse(word, &request->layer);

	if (ret)
		return tool_usage(command, "'%.60s' names no layer: %s", word,
				  layer_name_reason(ret));
	if (request->is_all && request->layer.number)
		return tool_usage(command,
				  "--all takes a FOLDER, and '%.60s' names one "
				  "layer",
				  word);
	return TOOL_OK;
}

int layers_parse(int argc, char *argv[], const struct layers_syntax *syntax,
		 struct layers_request *ret_request)
{
	const bool has_no_output = !syntax->has_output;
	const struct tool_option options[] = {
		{"json", .flag = &ret_request->is_json},
		{"all", .flag = &ret_request->is_all,
		 .is_absent = !syntax->has_all},
		{"core", .flag = &ret_request->is_core,
		 .is_absent = has_no_output},
		{"output", .text = &ret_request->output,
		 .is_absent = has_no_output},
		{"force", .flag = &ret_request->is_forced,
		 .is_absent = has_no_output},
		{"layout", .text = &ret_request->layout,
		 .is_absent = has_no_output},
		{"since", .text = &ret_request->since,
		 .is_absent = has_no_output},
		{"diff", .text = &ret_request->diff,
		 .is_absent = has_no_output},
		{"help", .help = syntax->help},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status == TOOL_OK)
		status = take_words(argc, argv, syntax, ret_request);
	if (status == TOOL_OK && syntax->names_layer)
		status = take_layer(argv[0], ret_request);
	return status;
}

int layers_open(const char *folder, uint64_t number,
		struct smudge_chain **ret_chain, struct smudge_error *err)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options),
		.folder = folder,
		.number = number,
	};

	return smudge_chain_open(&options, ret_chain, err);
}

int layers_interrupted(int ret, struct smudge_error *err)
{
	if (ret != -ECANCELED || !interrupted())
		return ret;
	*err = (struct smudge_error){0};
	return smudge_error_set(err, -EINTR, "layers",
				"interrupted before the end");
}
