/* SPDX-License-Identifier: MIT */
/*
 * Command lines, and the layers that they name.
 */
#include "layers/layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "common/nbd_uri.h"

/* Does it belong to this subcommand? */
static int check_option(const char *name, const char *option, bool has_it)
{
	return has_it ? TOOL_OK
		      : tool_usage(name, "there is no option '%s'", option);
}

static int take_output(int code, const char *name,
		       const struct layers_syntax *syntax,
		       struct layers_request *request)
{
	switch (code) {
	case 'c':
		request->is_core = true;
		return check_option(name, "--core", syntax->has_output);
	case 'o':
		request->output = optarg;
		return check_option(name, "--output", syntax->has_output);
	case 'f':
		request->is_forced = true;
		return check_option(name, "--force", syntax->has_output);
	case 'l':
		request->layout = optarg;
		return check_option(name, "--layout", syntax->has_output);
	case 's':
		request->since = optarg;
		return check_option(name, "--since", syntax->has_output);
	case 'd':
		request->diff = optarg;
		return check_option(name, "--diff", syntax->has_output);
	default:
		return TOOL_USAGE;
	}
}

static int take_option(int code, const char *name,
		       const struct layers_syntax *syntax,
		       struct layers_request *request, bool *ret_is_done)
{
	switch (code) {
	case 'j':
		request->is_json = true;
		return TOOL_OK;
	case 'a':
		request->is_all = true;
		return check_option(name, "--all", syntax->has_all);
	case TOOL_OPTION_HELP:
		*ret_is_done = true;
		fputs(syntax->help, stdout);
		return TOOL_OK;
	default:
		return take_output(code, name, syntax, request);
	}
}

int layers_check_folder(const char *command, const char *word)
{
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
		 struct layers_request *ret_request, bool *ret_is_done)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"all", no_argument, NULL, 'a'},
		{"core", no_argument, NULL, 'c'},
		{"output", required_argument, NULL, 'o'},
		{"force", no_argument, NULL, 'f'},
		{"layout", required_argument, NULL, 'l'},
		{"since", required_argument, NULL, 's'},
		{"diff", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, TOOL_OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int status = TOOL_OK;
	int code;

	*ret_is_done = false;
	while (status == TOOL_OK && !*ret_is_done &&
	       (code = tool_option(argc, argv, known)) != TOOL_OPTION_NONE)
		status = take_option(code, argv[0], syntax, ret_request,
				     ret_is_done);
	if (status == TOOL_OK && !*ret_is_done)
		status = take_words(argc, argv, syntax, ret_request);
	if (status == TOOL_OK && !*ret_is_done && syntax->names_layer)
		status = take_layer(argv[0], ret_request);
	*ret_is_done |= status != TOOL_OK;
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
