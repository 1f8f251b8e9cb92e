/* SPDX-License-Identifier: MIT */
/*
 * smudge layers show: all that a layer says of itself.
 */
#include "layers/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "common/layer_place.h"
#include "commands.h"
#include "print_json.h"
#include "printable.h"
#include "text.h"

static const char help_text[] =
	"usage: smudge layers show FOLDER[@N]|URI [--json]\n"
	"\n"
	"Shows what the newest layer of a folder, layer N, or the live image "
	"of a disk\n"
	"(nbd://...) says of itself: the regions of memory, the named blobs "
	"beside them\n"
	"(a machine's state), how long each part took, and the layers that it "
	"stands on.\n"
	"\n"
	"  --json  one object\n"
	"  --help  this text\n"
	"\n"
	"Exit status: 0; 1 if it cannot be read; 2 for a wrong command line.\n";

/* Where it was paused once, that is the pause of the copy. */
static void print_pauses(const struct smudge_layer_info *info)
{
	char all[TEXT_BYTES], longest[TEXT_BYTES];

	if (info->pauses < 2)
		return;
	text_time(all, (double)info->paused_ns);
	text_time(longest, (double)info->longest_pause_ns);
	printf("pauses  %llu, %s in all, the longest %s\n",
	       (unsigned long long)info->pauses, all, longest);
}

static void print_head(const struct smudge_chain *chain,
		       const struct smudge_layer_info *info)
{
	char time[LAYERS_TIME_BYTES], digest[LAYERS_DIGEST_BYTES];
	char pages[TEXT_BYTES], zeros[TEXT_BYTES], bytes[TEXT_BYTES];
	char pause[TEXT_BYTES], harvest[TEXT_BYTES], copy[TEXT_BYTES];
	char write[TEXT_BYTES];

	layers_time(info->time_ns, time);
	layers_digest(&info->digest, digest);
	text_count(pages, (double)info->pages, 20);
	text_count(zeros, (double)info->zero_pages, 20);
	text_bytes(bytes, (double)info->file_bytes);
	text_time(pause, (double)info->pause_ns);
	text_time(harvest, (double)info->harvest_ns);
	text_time(copy, (double)info->copy_ns);
	text_time(write, (double)info->write_ns);
	printf("file    %s\n", info->file_name);
	printf("taken   %s\n", time);
	printf("kind    %s, in a chain of %zu\n",
	       info->is_full ? "full" : "delta", smudge_chain_nlayers(chain));
	printf("digest  %s\n", digest);
	printf("stored  %s pages, %s of them zeros; %s\n", pages, zeros, bytes);
	printf("pause   %s: %s to find what was written, %s to copy it\n",
	       pause, harvest, copy);
	print_pauses(info);
	printf("write   %s\n", write);
}

static void print_regions(const struct smudge_chain *chain)
{
	printf("\n%-24s  %18s  %9s  %s\n", "region", "address", "size",
	       "pages");
	for (size_t i = 0; i < smudge_chain_nregions(chain); i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};
		char name[sizeof(region.name)], size[TEXT_BYTES];

		if (smudge_chain_region(chain, i, &region))
			continue;
		printable_copy(name, sizeof(name), region.name);
		text_bytes(size, (double)region.size_bytes);
		printf("%-24s  %#18" PRIx64 "  %9s  of %" PRIu64 " KiB\n", name,
		       region.gpa, size,
		       (UINT64_C(1) << region.page_shift) >> 10);
	}
}

static void print_blobs(const struct smudge_chain *chain)
{
	const void *bytes;
	const char *found;
	size_t length;

	for (size_t i = 0;
	     smudge_chain_blob(chain, NULL, i, &bytes, &length, &found) == 0;
	     i++) {
		char name[64], text[TEXT_BYTES];

		printable_copy(name, sizeof(name), found);
		text_bytes(text, (double)length);
		printf("%s%-24s  %9s\n", i ? "" : "\nblob\n", name, text);
	}
}

/* The layers that the chain has, by the JSON array or as rows. */
static int each_layer(struct smudge_chain *chain, json_t *array,
		      struct smudge_error *err)
{
	if (!array) {
		putchar('\n');
		layers_print_heading();
	}
	for (size_t i = 0; i < smudge_chain_nlayers(chain); i++) {
		struct smudge_layer_info info = {.size = sizeof(info)};
		int ret = smudge_chain_layer(chain, i, &info, err);

		if (ret)
			return ret;
		if (array)
			json_array_append_new(array, layers_info_json(&info));
		else
			layers_print_row(&info);
	}
	return 0;
}

static json_t *regions_json(const struct smudge_chain *chain)
{
	json_t *array = json_array();

	for (size_t i = 0; i < smudge_chain_nregions(chain); i++) {
		struct smudge_layer_region region = {.size = sizeof(region)};
		json_t *object;

		if (smudge_chain_region(chain, i, &region))
			continue;
		object = json_pack("{s:o, s:I}", "name",
				   layers_text_json(region.name), "id",
				   (json_int_t)region.id);
		layers_add(object, "address", region.gpa);
		layers_add(object, "size-bytes", region.size_bytes);
		layers_add(object, "page-bytes",
			   UINT64_C(1) << region.page_shift);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *blobs_json(const struct smudge_chain *chain)
{
	json_t *array = json_array();
	const void *bytes;
	const char *name;
	size_t length;

	for (size_t i = 0;
	     smudge_chain_blob(chain, NULL, i, &bytes, &length, &name) == 0;
	     i++)
		json_array_append_new(array, json_pack("{s:o, s:I}", "name",
						       layers_text_json(name),
						       "length-bytes",
						       (json_int_t)length));
	return array;
}

static int show_json(struct smudge_chain *chain,
		     const struct smudge_layer_info *info,
		     struct smudge_error *err)
{
	json_t *reply = layers_info_json(info);
	json_t *layers = json_array();
	int ret = each_layer(chain, layers, err);

	json_object_set_new(reply, "regions", regions_json(chain));
	json_object_set_new(reply, "blobs", blobs_json(chain));
	json_object_set_new(reply, "chain", layers);
	if (!ret)
		ret = print_json(reply, JSON_INDENT(2), err);
	json_decref(reply);
	return ret;
}

static int show(struct layer_place *place, bool is_json,
		struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_chain *chain = place->chain;
	int ret = layer_place_info(place, &info, err);

	if (ret)
		return ret;
	if (is_json)
		return show_json(chain, &info, err);
	print_head(chain, &info);
	print_regions(chain);
	print_blobs(chain);
	return each_layer(chain, NULL, err);
}

int layers_show(int argc, char *argv[])
{
	static const char *const words[] = {"FOLDER", NULL};
	const struct layers_syntax syntax = {
		.help = help_text, .words = words, .names_layer = true};
	struct layers_request request = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct layer_place place = {0};
	int status = layers_parse(argc, argv, &syntax, &request);
	int ret;

	if (status != TOOL_OK)
		return status;
	interrupt_watch();
	ret = layer_place_open(&request.layer, interrupt_end_fd(), &place,
			       &err);
	if (!ret)
		ret = show(&place, request.is_json, &err);
	layer_place_close(&place);
	return ret ? tool_failed(&err) : TOOL_OK;
}
