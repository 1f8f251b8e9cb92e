/* SPDX-License-Identifier: MIT */
/*
 * smudge layers list: a row for each layer of a folder.
 *
 * A row is printed as soon as its layer was read, so that a long list shows
 * that it is being made.
 */
#include "layers/layers.h"

#include <errno.h>
#include <stdio.h>

#include "clock.h"
#include "commands.h"
#include "common/streams.h"
#include "print_json.h"

static const char help_text[] = "usage: smudge layers list FOLDER [--json]\n"
				"\n"
				"Lists the layers of a folder, the oldest "
				"first: number, when it was taken,\n"
				"whether it is full or a delta on the one "
				"before, the pages of 4 KiB that it\n"
				"had of its own when it was saved, the bytes "
				"of its file, how long the guest was\n"
				"paused, and the digest of the memory. Reads "
				"what each says of itself, not the\n"
				"pages: smudge layers verify does.\n"
				"\n"
				"  --json  one object\n"
				"  --help  this text\n"
				"\n"
				"Exit status: 0; 1 if the folder or a layer "
				"cannot be read (its row says why);\n"
				"2 for a wrong command line.\n";

struct list {
	json_t *layers; /* NULL: print rows */
	size_t n;
	size_t nunread;
};

static json_t *unread_json(const struct smudge_layer_info *info,
			   const struct smudge_error *why)
{
	json_t *object =
		json_pack("{s:I, s:o, s:o}", "number", (json_int_t)info->number,
			  "file", layers_text_json(info->file_name), "error",
			  layers_text_json(why->message));

	layers_add(object, "file-bytes", info->file_bytes);
	return object;
}

static void print(struct list *list, const struct smudge_layer_info *info,
		  const struct smudge_error *why)
{
	if (list->n == 1)
		layers_print_heading();
	if (why)
		printf("%6llu  cannot be read: %s\n",
		       (unsigned long long)info->number, why->message);
	else
		layers_print_row(info);
	streams_flush();
}

static int found(void *opaque, const struct smudge_layer_info *info,
		 const struct smudge_error *why)
{
	struct list *list = opaque;

	list->n++;
	list->nunread += why != NULL;
	if (list->layers)
		json_array_append_new(list->layers,
				      why ? unread_json(info, why)
					  : layers_info_json(info));
	else
		print(list, info, why);
	return interrupted();
}

static int end(struct list *list, const char *folder, struct smudge_error *err)
{
	json_t *reply;
	int ret = 0;

	if (list->layers) {
		reply = json_pack("{s:o, s:O}", "folder",
				  layers_text_json(folder), "layers",
				  list->layers);
		ret = print_json(reply, JSON_INDENT(2), err);
		json_decref(reply);
	} else if (!list->n) {
		printf("no layers in %s\n", folder);
	}
	if (!ret && list->nunread)
		ret = smudge_error_set(err, -EBADMSG, "layers",
				       "%zu of %zu layers in %.120s cannot be "
				       "read",
				       list->nunread, list->n, folder);
	return ret;
}

int layers_list(int argc, char *argv[])
{
	static const char *const words[] = {"FOLDER", NULL};
	const struct layers_syntax syntax = {.help = help_text, .words = words};
	struct layers_request request = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct list list = {0};
	int status = layers_parse(argc, argv, &syntax, &request);
	int ret;

	if (status != TOOL_OK)
		return status;
	interrupt_watch();
	list.layers = request.is_json ? json_array() : NULL;
	ret = smudge_layers_each(request.words[0], found, &list, &err);
	ret = layers_interrupted(ret, &err);
	if (!ret)
		ret = end(&list, request.words[0], &err);
	json_decref(list.layers);
	return ret ? tool_failed(&err) : TOOL_OK;
}
