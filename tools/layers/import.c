/* SPDX-License-Identifier: MIT */
/*
 * smudge layers import: a file with memory becomes a layer.
 */
#include "layers/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "layers/import_words.h"
#include "layers/layers.h"
#include "print_json.h"
#include "text.h"

static const char help_text[] =
	"usage: smudge layers import FILE... --to FOLDER [OPTION]...\n"
	"\n"
	"Saves a guest's memory, which another program has put into a file, as "
	"the first\n"
	"layer of a folder, or as a full one behind its newest layer. What is "
	"a hole in\n"
	"FILE is zeros, and is not read. Nothing may write to FILE meanwhile.\n"
	"\n"
	"  --to FOLDER              made with mode 0700 if it is missing\n"
	"  --layout LAYOUT          where memory is in FILE:\n"
	"             flat              at its guest-physical address (the "
	"default)\n"
	"             firecracker,      the regions one after the other: 3 "
	"GiB, then\n"
	"             cloud-hypervisor  what lies from 4 GiB on\n"
	"             qemu              one memory backend, or several in a "
	"FILE each\n"
	"  --region NAME@GPA:SIZE   the memory's regions, once for each; "
	"otherwise ram-low\n"
	"                           and ram-high, by the layout and the "
	"length of FILE\n"
	"  --diff                   FILE has only the pages that changed since "
	"the newest\n"
	"                           layer, at the offsets of all memory "
	"(Firecracker's\n"
	"                           diff snapshots): save them as a delta on "
	"it\n"
	"  --json                   no progress; one object\n"
	"  --help                   this text\n"
	"\n"
	"Exit status: 0 when the layer is in place, otherwise 1; 2 for a wrong "
	"command\n"
	"line.\n";

static json_t *describe_region(const struct import_region *region)
{
	json_t *object =
		json_pack("{s:o, s:o}", "name", layers_text_json(region->name),
			  "file", layers_text_json(region->file->path));

	layers_add(object, "address", region->gpa);
	layers_add(object, "size-bytes", region->nbytes);
	layers_add(object, "file-offset", region->file_off);
	return object;
}

static int print_object(const struct import *import,
			const struct smudge_layer_info *info,
			struct smudge_error *err)
{
	json_t *object = layers_info_json(info);
	json_t *regions = json_array();
	int ret;

	for (size_t i = 0; i < import->nregions; i++)
		json_array_append_new(regions,
				      describe_region(&import->regions[i]));
	json_object_set_new(object, "folder",
			    layers_text_json(import->request->folder));
	json_object_set_new(object, "regions", regions);
	ret = print_json(object, JSON_INDENT(2), err);
	json_decref(object);
	return ret;
}

static int print(const struct import *import,
		 const struct smudge_layer_info *info, struct smudge_error *err)
{
	char pages[TEXT_BYTES], bytes[TEXT_BYTES], memory[TEXT_BYTES];

	if (import->request->is_json)
		return print_object(import, info, err);
	text_count(pages, (double)info->pages, 20);
	text_bytes(bytes, (double)info->file_bytes);
	text_bytes(memory, (double)info->memory_bytes);
	printf("%s: %s, %s pages, %s, of %s in %zu region%s\n", info->file_name,
	       info->is_full ? "full" : "delta", pages, bytes, memory,
	       import->nregions, import->nregions == 1 ? "" : "s");
	return 0;
}

static int run(const struct import_request *request, struct smudge_error *err)
{
	struct import import = {.request = request};
	struct smudge_layer_info info = {.size = sizeof(info)};
	int ret = import_open(&import, err);

	if (!ret)
		ret = import_save(&import, &info, err);
	if (!ret)
		ret = print(&import, &info, err);
	import_close(&import);
	return layers_interrupted(ret, err);
}

int layers_import(int argc, char *argv[])
{
	struct import_request request = {.layout = LAYERS_FLAT};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int status = import_parse(argc, argv, help_text, &request);

	if (status == TOOL_OK) {
		interrupt_watch();
		status = run(&request, &err) ? tool_failed(&err) : TOOL_OK;
	}
	free(request.wanted);
	return status;
}
