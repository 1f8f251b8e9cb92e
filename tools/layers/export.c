/* SPDX-License-Identifier: MIT */
/*
 * smudge layers export: a moment of a process as a core file.
 */
#include "layers/layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "common/layer_place.h"
#include "layers/copy.h"
#include "layers/core.h"
#include "new_file.h"
#include "print_json.h"
#include "text.h"
#include "work.h"

#define NAME "layers"

static const char help_text[] =
	"usage: smudge layers export --core FOLDER[@N]|URI --output FILE "
	"[OPTION]...\n"
	"\n"
	"Makes a core file of a layer that smudge checkpoint --pid saved: the "
	"memory of\n"
	"the process at that moment, the registers of its threads, and its "
	"mappings.\n"
	"Then gdb PROGRAM FILE shows them. All that is read is compared "
	"with its\n"
	"digests. FILE is sparse, and there only when it is whole.\n"
	"\n"
	"  --core         the only form that there is\n"
	"  --output FILE  made, with mode 0600; not replaced\n"
	"  --force        replace FILE\n"
	"  --json         no progress; one object\n"
	"  --help         this text\n"
	"\n"
	"Exit status: 0; 1 if it cannot be made; 2 for a wrong command "
	"line.\n";

struct core_export {
	const struct layers_request *request;
	struct layer_place place;
	struct smudge_chain *chain; /* of the place */
	struct layers_core core;
	struct work work;
};

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct core_export *export = opaque;

	work_show(&export->work, (double)done_bytes, (double)total_bytes);
	return interrupted();
}

static int failed(const char *path, struct smudge_error *err)
{
	int code = errno ? -errno : -EIO;

	return smudge_error_set(err, code, NAME, "cannot write %.200s: %s",
				path, strerror(-code));
}

static int put(const struct new_file *file, const void *bytes, size_t length,
	       uint64_t file_off, struct smudge_error *err)
{
	const char *at = bytes;

	while (length) {
		ssize_t n = pwrite(file->fd, at, length, (off_t)file_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return failed(file->path, err);
		at += n;
		length -= (size_t)n;
		file_off += (uint64_t)n;
	}
	return 0;
}

/* The head, and what is not in the layer's regions. */
static int write_head(const struct core_export *export,
		      const struct new_file *file, struct smudge_error *err)
{
	const struct core_layout *layout = &export->core.layout;
	int ret = put(file, layout->head, layout->head_bytes, 0, err);

	for (size_t i = 0; i < layout->nsegments && !ret; i++) {
		const void *bytes;
		size_t length;

		if (layout->segments[i].content != CORE_VDSO)
			continue;
		ret = layers_core_blob(&export->core, "process-vdso", &bytes,
				       &length, err);
		if (!ret)
			ret = put(file, bytes, length,
				  layout->segments[i].file_off, err);
	}
	if (!ret && ftruncate(file->fd, (off_t)layout->file_bytes) < 0)
		ret = failed(file->path, err);
	return ret;
}

static struct layers_piece piece_of(const struct core_export *export,
				    const struct core_segment *segment)
{
	struct smudge_layer_region region = {.size = sizeof(region)};

	(void)smudge_chain_region(export->chain, segment->region, &region);
	return (struct layers_piece){
		.region = segment->region,
		.first_page = segment->region_off >> region.page_shift,
		.npages = segment->nbytes >> region.page_shift,
		.file_off = segment->file_off,
	};
}

static int write_memory(struct core_export *export, const struct new_file *file,
			struct smudge_error *err)
{
	const struct core_layout *layout = &export->core.layout;
	struct layers_piece *pieces =
		calloc(layout->nsegments + 1, sizeof(*pieces));
	size_t n = 0;
	int ret;

	if (!pieces)
		return no_memory(err);
	for (size_t i = 0; i < layout->nsegments; i++)
		if (layout->segments[i].content == CORE_REGION)
			pieces[n++] = piece_of(export, &layout->segments[i]);
	work_begin(&export->work, "exported", export->request->is_json);
	ret = layers_copy(export->chain, pieces, n, file->fd, progress, export,
			  err);
	work_end(&export->work);
	free(pieces);
	return ret;
}

static int write_file(struct core_export *export, struct smudge_error *err)
{
	const struct layers_request *request = export->request;
	struct new_file file;
	int ret =
		new_file_open(&file, request->output, request->is_forced, err);

	if (ret)
		return ret;
	ret = write_head(export, &file, err);
	if (!ret)
		ret = write_memory(export, &file, err);
	if (!ret)
		ret = new_file_keep(&file, err);
	new_file_close(&file);
	return layers_interrupted(ret, err);
}

/* A name that a terminal may be given. */
static const char *printable(const json_t *name, char *to, size_t size)
{
	const char *text = json_string_value(name);

	snprintf(to, size, "%s", text ? text : "?");
	for (char *at = to; *at; at++)
		if ((unsigned char)*at < ' ' || *at == '\x7f')
			*at = '?';
	return to;
}

static json_t *describe(const struct core_export *export,
			const struct smudge_layer_info *info)
{
	json_t *object =
		json_pack("{s:o, s:o, s:O*, s:O*}", "file",
			  layers_text_json(export->request->output), "layer",
			  layers_text_json(info->file_name), "pid",
			  json_object_get(export->core.process, "pid"), "name",
			  json_object_get(export->core.process, "name"));

	layers_add(object, "time-ns", info->time_ns);
	layers_add(object, "segments", export->core.layout.nsegments);
	layers_add(object, "length-bytes", export->core.layout.file_bytes);
	return object;
}

static int print(const struct core_export *export, struct smudge_error *err)
{
	struct smudge_layer_info info = {.size = sizeof(info)};
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES], name[64];
	json_t *object;
	int ret = layer_place_info(&export->place, &info, err);

	if (ret)
		return ret;
	object = describe(export, &info);
	layers_time(info.time_ns, time);
	text_bytes(bytes, (double)export->core.layout.file_bytes);
	if (export->request->is_json)
		ret = print_json(object, JSON_INDENT(2), err);
	else
		printf("%s: process %lld (%s) at %s, %zu segments, %s\n",
		       export->request->output,
		       (long long)json_integer_value(
			       json_object_get(object, "pid")),
		       printable(json_object_get(object, "name"), name,
				 sizeof(name)),
		       time, export->core.layout.nsegments, bytes);
	json_decref(object);
	return ret;
}

static int run(struct core_export *export, struct smudge_error *err)
{
	const struct layer_name *layer = &export->request->layer;
	int ret = layer_place_open(layer, interrupt_end_fd(), &export->place,
				   err);

	export->chain = export->place.chain;
	if (!ret)
		ret = layers_core_make(export->chain, &export->core, err);
	if (!ret)
		ret = write_file(export, err);
	return ret ? ret : print(export, err);
}

int layers_export(int argc, char *argv[])
{
	static const char *const words[] = {"FOLDER", NULL};
	const struct layers_syntax syntax = {
		.help = help_text,
		.words = words,
		.names_layer = true,
		.has_output = true,
	};
	struct layers_request request = {0};
	struct core_export export = {.request = &request};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	bool is_done;
	int status = layers_parse(argc, argv, &syntax, &request, &is_done);
	int ret;

	if (is_done)
		return status;
	if (!request.is_core)
		return tool_usage(argv[0], "--core is missing");
	if (!request.output || !*request.output)
		return tool_usage(argv[0], "--output FILE is missing");
	interrupt_watch();
	ret = run(&export, &err);
	layers_core_free(&export.core);
	layer_place_close(&export.place);
	return ret ? tool_failed(&err) : TOOL_OK;
}
