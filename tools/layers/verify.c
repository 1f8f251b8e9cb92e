/* SPDX-License-Identifier: MIT */
/*
 * smudge layers verify: read all pages of a moment and compare them with what
 * was written.
 *
 * A page that a later layer replaced is not read for that layer, so --all
 * verifies each layer in turn.
 */
#include "layers/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "commands.h"
#include "common/layer_place.h"
#include "common/streams.h"
#include "print_json.h"
#include "text.h"
#include "work.h"

static const char help_text[] =
	"usage: smudge layers verify FOLDER[@N]|URI [--all] [--json]\n"
	"\n"
	"Reads all memory of the newest layer of a folder, of layer N, or of "
	"the live\n"
	"image of a disk (nbd://...), wherever in the chain it is, and "
	"compares it with\n"
	"the digests that were written with it.\n"
	"\n"
	"  --all   every layer of the folder; otherwise pages that a later "
	"layer\n"
	"          replaced are not read\n"
	"  --json  no progress; one object\n"
	"  --help  this text\n"
	"\n"
	"Exit status: 0 if all is as it was written; 1 if not; 2 for a wrong "
	"command\n"
	"line.\n";

struct verification {
	const char *folder;
	struct work work;
	json_t *layers; /* NULL: print lines */
	uint64_t *numbers;
	size_t n;
	size_t nbad;
	bool is_out_of_memory;
};

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct verification *verification = opaque;

	work_show(&verification->work, (double)done_bytes, (double)total_bytes);
	return interrupted();
}

static void report_json(struct verification *verification, uint64_t number,
			const struct smudge_layer_info *info,
			const struct smudge_error *why)
{
	json_t *object =
		why ? json_pack("{s:I, s:o}", "number", (json_int_t)number,
				"error", layers_text_json(why->message))
		    : layers_info_json(info);

	json_object_set_new(object, "whole", json_boolean(!why));
	json_array_append_new(verification->layers, object);
}

static void print(const struct smudge_layer_info *info, size_t nlayers)
{
	char digest[LAYERS_DIGEST_BYTES], bytes[TEXT_BYTES];

	layers_digest(&info->digest, digest);
	text_bytes(bytes, (double)info->memory_bytes);
	printf("%s is whole: %s in a chain of %zu, digest %s\n",
	       info->file_name, bytes, nlayers, digest);
	streams_flush();
}

static void print_damage(uint64_t number, const struct smudge_error *why)
{
	printf("layer %llu: %s\n", (unsigned long long)number, why->message);
	streams_flush();
}

static int verify_place(struct verification *verification,
			const struct layer_place *place,
			struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	int ret = layer_place_info(place, &info, err);

	if (ret)
		return ret;
	work_begin(&verification->work, "verified",
		   verification->layers != NULL);
	ret = smudge_chain_verify(place->chain, progress, verification, err);
	work_end(&verification->work);
	if (ret)
		return ret;
	if (verification->layers)
		report_json(verification, info.number, &info, NULL);
	else
		print(&info, smudge_chain_nlayers(place->chain));
	return 0;
}

static int verify_one(struct verification *verification, uint64_t number,
		      struct smudge_error *err)
{
	struct layer_name name = {.number = number};
	struct layer_place place = {0};
	int ret;

	/* it is that of a struct layer_name */
	strcpy(name.folder, verification->folder);
	ret = layer_place_open(&name, interrupt_end_fd(), &place, err);
	if (!ret)
		ret = verify_place(verification, &place, err);
	layer_place_close(&place);
	return layers_interrupted(ret, err);
}

static int note_number(void *opaque, const struct smudge_layer_info *info,
		       const struct smudge_error *why)
{
	struct verification *verification = opaque;
	uint64_t *numbers = realloc(verification->numbers,
				    (verification->n + 1) * sizeof(*numbers));

	verification->is_out_of_memory = !numbers;
	if (!numbers)
		return 1;
	numbers[verification->n++] = info->number;
	verification->numbers = numbers;
	return interrupted();
}

/* Each damaged layer is named; the others are verified too. */
static int verify_all(struct verification *verification,
		      struct smudge_error *err)
{
	int ret = smudge_layers_each(verification->folder, note_number,
				     verification, err);

	if (verification->is_out_of_memory)
		return smudge_error_set(err, -ENOMEM, "layers",
					"out of memory for the list of layers");
	if (ret == 0 && !verification->n)
		return smudge_error_set(err, -ENOENT, "layers",
					"%.120s has no layers",
					verification->folder);
	for (size_t i = 0; ret == 0 && i < verification->n; i++) {
		struct smudge_error why = SMUDGE_ERROR_INIT;
		uint64_t number = verification->numbers[i];
		int one = verify_one(verification, number, &why);

		if (one == -EINTR)
			return smudge_error_set(err, one, "layers", "%s",
						why.message);
		verification->nbad += one != 0;
		if (one && verification->layers)
			report_json(verification, number, NULL, &why);
		else if (one)
			print_damage(number, &why);
	}
	return layers_interrupted(ret, err);
}

static int end(struct verification *verification, struct smudge_error *err)
{
	json_t *reply;
	int ret = 0;

	if (verification->layers) {
		reply = json_pack("{s:o, s:O}", "folder",
				  layers_text_json(verification->folder),
				  "layers", verification->layers);
		ret = print_json(reply, JSON_INDENT(2), err);
		json_decref(reply);
	}
	if (!ret && verification->nbad)
		ret = smudge_error_set(err, -EBADMSG, "layers",
				       "%zu of %zu layers in %.120s are not "
				       "whole",
				       verification->nbad, verification->n,
				       verification->folder);
	return ret;
}

/* A layer that is not whole is part of the JSON too, before the sentence. */
static int verify_named(struct verification *verification, uint64_t number,
			struct smudge_error *err)
{
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	int ret = verify_one(verification, number, err);

	if (!ret || ret == -EINTR || !verification->layers)
		return ret ? ret : end(verification, err);
	report_json(verification, number, NULL, err);
	(void)end(verification, &ignored);
	return ret;
}

static int run(const struct layers_request *request, struct smudge_error *err)
{
	struct verification verification = {
		.folder = request->layer.folder,
		.layers = request->is_json ? json_array() : NULL,
	};
	int ret;

	if (request->is_all) {
		ret = verify_all(&verification, err);
		if (!ret)
			ret = end(&verification, err);
	} else {
		ret = verify_named(&verification, request->layer.number, err);
	}
	free(verification.numbers);
	json_decref(verification.layers);
	return ret;
}

int layers_verify(int argc, char *argv[])
{
	static const char *const words[] = {"FOLDER", NULL};
	const struct layers_syntax syntax = {
		.help = help_text,
		.words = words,
		.has_all = true,
		.names_layer = true,
	};
	struct layers_request request = {0};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int status = layers_parse(argc, argv, &syntax, &request);

	if (status != TOOL_OK)
		return status;
	interrupt_watch();
	return run(&request, &err) ? tool_failed(&err) : TOOL_OK;
}
