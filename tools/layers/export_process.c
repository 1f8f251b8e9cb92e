/* SPDX-License-Identifier: MIT */
/*
 * A moment of a process as a core file.
 */
#include "layers/export.h"

#include <limits.h>
#include <stdio.h>

#include "layers/core.h"
#include "print_json.h"
#include "printable.h"
#include "text.h"

struct core_export {
	struct layers_export *export;
	struct layers_core core;
};

/* The head, and what is not in the layer's regions. */
static int write_head(const struct core_export *core,
		      const struct new_file *file, struct smudge_error *err)
{
	const struct core_layout *layout = &core->core.layout;
	int ret = layers_export_put(file, layout->head, layout->head_bytes, 0,
				    err);

	for (size_t i = 0; i < layout->nsegments && !ret; i++) {
		const void *bytes;
		size_t length;

		if (layout->segments[i].content != CORE_VDSO)
			continue;
		ret = layers_core_blob(&core->core, "process-vdso", &bytes,
				       &length, err);
		if (!ret)
			ret = layers_export_put(file, bytes, length,
						layout->segments[i].file_off,
						err);
	}
	return ret ? ret : layers_export_stretch(file, layout->file_bytes, err);
}

static int write_file(struct core_export *core, struct smudge_error *err)
{
	const struct layers_request *request = core->export->request;
	struct new_file file;
	int ret =
		new_file_open(&file, request->output, request->is_forced, err);

	if (ret)
		return ret;
	ret = write_head(core, &file, err);
	if (!ret)
		ret = layers_export_segments(core->export, &core->core.layout,
					     &file, (struct layers_copying){0},
					     err);
	if (!ret)
		ret = new_file_keep(&file, err);
	new_file_close(&file);
	return layers_interrupted(ret, err);
}

static json_t *describe(const struct core_export *core)
{
	const struct layers_export *export = core->export;
	json_t *object =
		json_pack("{s:o, s:o, s:O*, s:O*}", "file",
			  layers_text_json(export->request->output), "layer",
			  layers_text_json(export->info.file_name), "pid",
			  json_object_get(core->core.process, "pid"), "name",
			  json_object_get(core->core.process, "name"));

	layers_add(object, "time-ns", export->info.time_ns);
	layers_add(object, "segments", core->core.layout.nsegments);
	layers_add(object, "length-bytes", core->core.layout.file_bytes);
	return object;
}

static int print(const struct core_export *core, struct smudge_error *err)
{
	const struct layers_export *export = core->export;
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES], name[64];
	char path[PATH_MAX];
	json_t *object = describe(core);
	const char *found = json_string_value(json_object_get(object, "name"));
	int ret = 0;

	layers_time(export->info.time_ns, time);
	text_bytes(bytes, (double)core->core.layout.file_bytes);
	printable_copy(name, sizeof(name), found ? found : "?");
	printable_copy(path, sizeof(path), export->request->output);
	if (export->request->is_json)
		ret = print_json(object, JSON_INDENT(2), err);
	else
		printf("%s: process %lld (%s) at %s, %zu segments, %s\n", path,
		       (long long)json_integer_value(
			       json_object_get(object, "pid")),
		       name, time, core->core.layout.nsegments, bytes);
	json_decref(object);
	return ret;
}

int layers_export_process(struct layers_export *export,
			  struct smudge_error *err)
{
	struct core_export core = {.export = export};
	int ret = layers_core_make(export->chain, &core.core, err);

	if (!ret)
		ret = write_file(&core, err);
	if (!ret)
		ret = print(&core, err);
	layers_core_free(&core.core);
	return ret;
}
