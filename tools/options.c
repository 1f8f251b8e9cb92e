/* SPDX-License-Identifier: MIT */
/*
 * The table as getopt_long(3) takes it, and what becomes of a value.
 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

#define FIRST_CODE 0x100 /* beyond all letters */

static bool has_value(const struct tool_option *option)
{
	return option->text || option->number || option->take;
}

static void list_options(const struct tool_option *options,
			 struct option ret_list[TOOL_MAX_OPTIONS + 1])
{
	size_t n = 0;

	for (; options[n].name && n < TOOL_MAX_OPTIONS; n++)
		ret_list[n] = (struct option){
			.name = options[n].name,
			.has_arg = has_value(&options[n]) ? required_argument
							  : no_argument,
			.val = FIRST_CODE + (int)n,
		};
	ret_list[n] = (struct option){.name = NULL};
}

/* A wrong letter after a single dash is in optopt, and may not be the last. */
static int wrong_option(int code, char *argv[])
{
	const char *text = argv[optind - 1];

	if (code == ':')
		return tool_usage(argv[0], "a value is missing after '%s'",
				  text);
	if (optopt > ' ' && optopt <= '~' && strncmp(text, "--", 2) != 0)
		return tool_usage(argv[0], "there is no option '-%c'", optopt);
	if (optopt)
		return tool_usage(argv[0], "no value belongs to '%s'", text);
	return tool_usage(argv[0], "there is no option '%s'", text);
}

static const struct tool_option *find(const struct tool_option *options,
				      int code)
{
	if (code != 'h')
		return &options[code - FIRST_CODE];
	while (strcmp(options->name, "help") != 0)
		options++;
	return options;
}

static int take_number(const char *command, const struct tool_option *option)
{
	uint64_t value;

	if (!(option->parse ? option->parse : number_parse)(optarg, option->max,
							    &value) ||
	    value < option->min)
		return tool_usage(command, "--%s takes %s, not '%.40s'",
				  option->name, option->takes, optarg);
	*option->number = value * (option->unit ? option->unit : 1);
	return TOOL_OK;
}

static int take(const char *command, const struct tool_option *option)
{
	int status = TOOL_OK;

	if (option->is_absent)
		return tool_usage(command, "there is no option '--%s'",
				  option->name);
	if (option->flag)
		*option->flag = true;
	if (option->text)
		*option->text = optarg;
	if (option->number)
		status = take_number(command, option);
	if (status == TOOL_OK && option->take)
		status = option->take(command, option, optarg);
	if (status != TOOL_OK || !option->help)
		return status;
	fputs(option->help, stdout);
	return TOOL_HELP;
}

int tool_options_take(int argc, char *argv[], const struct tool_option *options)
{
	struct option list[TOOL_MAX_OPTIONS + 1];
	int status = TOOL_OK;

	list_options(options, list);
	opterr = 0;
	while (status == TOOL_OK) {
		/* ":": a missing value has a code of its own */
		int code = getopt_long(argc, argv, ":h", list, NULL);

		if (code == -1)
			break;
		status = code == '?' || code == ':'
				 ? wrong_option(code, argv)
				 : take(argv[0], find(options, code));
	}
	return status;
}
