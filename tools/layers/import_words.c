/* SPDX-License-Identifier: MIT */
/*
 * Options, regions and files.
 */
#include "layers/import_words.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "layers/layers.h"
#include "number.h"
#include "options.h"

/* "0x" and hexadecimal digits, or a number of bytes with a suffix. */
static bool parse_address(const char *text, uint64_t *ret_value)
{
	char *end;

	if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
		return number_parse_bytes(text, UINT64_MAX, ret_value);
	if (!isxdigit((unsigned char)text[2]) || strlen(text) > 18)
		return false;
	*ret_value = strtoull(text + 2, &end, 16);
	return !*end;
}

static bool parse_pages(const char *text, uint64_t *ret_value)
{
	return parse_address(text, ret_value) &&
	       *ret_value % IMPORT_PAGE_BYTES == 0;
}

/* NAME@GPA:SIZE. Return: NULL, or what is wrong. */
static const char *parse_region(char *text, struct import_region *region)
{
	char *gpa = strrchr(text, '@');
	char *size = gpa ? strchr(gpa, ':') : NULL;

	if (!size)
		return "it is NAME@GPA:SIZE";
	*gpa++ = '\0';
	*size++ = '\0';
	if (!text[0] || strlen(text) >= sizeof(region->name))
		return "a name has 1 to 63 bytes";
	if (!parse_pages(gpa, &region->gpa))
		return "its address is no multiple of 4 KiB";
	if (!parse_pages(size, &region->nbytes) || !region->nbytes)
		return "its size is no multiple of 4 KiB";
	if (region->nbytes > UINT64_MAX - region->gpa)
		return "it ends beyond 2^64";
	strcpy(region->name, text);
	return NULL;
}

static int take_layout(const char *command, const struct tool_option *option,
		       const char *word)
{
	struct import_request *request = option->request;

	if (layers_layout_parse(word, &request->layout))
		return TOOL_OK;
	return tool_usage(command, "there is no layout '%.40s'", word);
}

static int take_region(const char *command, const struct tool_option *option,
		       const char *word)
{
	struct import_request *request = option->request;
	struct import_region region = {.nbytes = 0}, *wanted;
	char *text = strdup(word);
	const char *wrong = text ? parse_region(text, &region) : NULL;
	bool is_copied = text;

	free(text);
	if (wrong)
		return tool_usage(command, "--region '%.60s': %s", word, wrong);
	wanted = realloc(request->wanted,
			 (request->nwanted + 1) * sizeof(*wanted));
	if (wanted)
		request->wanted = wanted;
	if (!wanted || !is_copied) {
		struct smudge_error err = SMUDGE_ERROR_INIT;

		smudge_error_set(&err, -ENOMEM, "layers", "out of memory");
		return tool_failed(&err);
	}
	wanted[request->nwanted++] = region;
	return TOOL_OK;
}

/* What does not go together. */
static int check(const char *command, const struct import_request *request)
{
	if (!request->npaths)
		return tool_usage(command, "FILE is missing");
	if (!request->folder || !*request->folder)
		return tool_usage(command, "--to FOLDER is missing");
	if (layers_check_folder(command, request->folder) != TOOL_OK)
		return TOOL_USAGE;
	if (request->is_diff && request->nwanted)
		return tool_usage(command,
				  "--diff has the regions of the newest layer: "
				  "--region is too much");
	if (request->npaths == 1)
		return TOOL_OK;
	if (request->is_diff || request->layout != LAYERS_QEMU)
		return tool_usage(command, "'%.40s' is too much",
				  request->paths[1]);
	if (request->nwanted != request->npaths)
		return tool_usage(command,
				  "several files have a --region each, in the "
				  "same order");
	return TOOL_OK;
}

int import_parse(int argc, char *argv[], const char *help,
		 struct import_request *request)
{
	const struct tool_option options[] = {
		{"to", .text = &request->folder},
		{"layout", .take = take_layout, .request = request},
		{"region", .take = take_region, .request = request},
		{"diff", .flag = &request->is_diff},
		{"json", .flag = &request->is_json},
		{"help", .help = help},
		{.name = NULL},
	};
	int status = tool_options_take(argc, argv, options);

	if (status != TOOL_OK)
		return status;
	request->paths = argv + optind;
	request->npaths = (size_t)(argc - optind);
	return check(argv[0], request);
}
