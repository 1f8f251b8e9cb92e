/* SPDX-License-Identifier: MIT */
/*
 * smudge layers export: a moment as a file that other programs read.
 */
#include "layers/export.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "common/nbd_uri.h"
#include "layers/guest.h"
#include "number.h"

#define NAME "layers"

static const char help_text[] =
	"usage: smudge layers export --core FOLDER[@N]|URI --output FILE "
	"[OPTION]...\n"
	"       smudge layers export --layout LAYOUT FOLDER[@N]|URI --output "
	"FILE ...\n"
	"\n"
	"Makes a file of a layer that other programs read. All that is read is "
	"compared\n"
	"with its digests. FILE is sparse, has mode 0600, and is there only "
	"when it is\n"
	"whole.\n"
	"\n"
	"  --core           a core file: of a process, for gdb; of a guest its "
	"physical\n"
	"                   memory, for crash and drgn\n"
	"  --layout LAYOUT  a guest's memory: flat (a byte's place is its "
	"address), qemu\n"
	"                   (mem-path of its backend; FILE.ID each, of "
	"several),\n"
	"                   firecracker (the memory file), cloud-hypervisor\n"
	"                   (memory-ranges)\n"
	"  --since N        only pages that differ from layer N of the folder; "
	"holes\n"
	"                   elsewhere: a diff snapshot of Firecracker\n"
	"  --diff FOLDER[@N]\n"
	"                   the same since a layer of another folder\n"
	"  --output FILE    made, not replaced; no pipe\n"
	"  --force          replace FILE\n"
	"  --json           no progress; one object\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0; 1 if it cannot be made; 2 for a wrong command "
	"line.\n";

int layers_export_progress(void *opaque, uint64_t done_bytes,
			   uint64_t total_bytes)
{
	struct layers_export *export = opaque;

	work_show(&export->work, (double)done_bytes, (double)total_bytes);
	return interrupted();
}

static int failed(const char *path, struct smudge_error *err)
{
	int code = errno ? -errno : -EIO;

	return smudge_error_set(err, code, NAME, "cannot write %.120s: %s",
				path, strerror(-code));
}

int layers_export_put(const struct new_file *file, const void *bytes,
		      size_t length, uint64_t file_off,
		      struct smudge_error *err)
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

int layers_export_stretch(const struct new_file *file, uint64_t nbytes,
			  struct smudge_error *err)
{
	if (ftruncate(file->fd, (off_t)nbytes) < 0)
		return failed(file->path, err);
	return 0;
}

static struct layers_piece piece_of(const struct core_segment *segment)
{
	return (struct layers_piece){
		.region = segment->region,
		.region_off = segment->region_off,
		.nbytes = segment->nbytes,
		.file_off = segment->file_off,
	};
}

int layers_export_segments(struct layers_export *export,
			   const struct core_layout *layout,
			   const struct new_file *file,
			   struct layers_copying copying,
			   struct smudge_error *err)
{
	struct layers_piece *pieces =
		calloc(layout->nsegments + 1, sizeof(*pieces));
	int ret;

	if (!pieces)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	copying.chain = export->chain;
	copying.pieces = pieces;
	copying.fd = file->fd;
	copying.path = file->path;
	copying.progress = layers_export_progress;
	copying.opaque = export;
	for (size_t i = 0; i < layout->nsegments; i++)
		if (layout->segments[i].content == CORE_REGION)
			pieces[copying.npieces++] =
				piece_of(&layout->segments[i]);
	work_begin(&export->work, "exported", export->request->is_json);
	ret = layers_copy(&copying, err);
	work_end(&export->work);
	free(pieces);
	return ret;
}

static int run(struct layers_export *export, struct smudge_error *err)
{
	const struct layer_name *layer = &export->request->layer;
	int ret = layer_place_open(layer, interrupt_end_fd(), &export->place,
				   err);

	export->chain = export->place.chain;
	if (!ret)
		ret = layer_place_info(&export->place, &export->info, err);
	if (ret)
		return ret;
	if (export->request->layout)
		return layers_export_layout(export, err);
	return layers_is_process(export->chain)
		       ? layers_export_process(export, err)
		       : layers_export_guest(export, err);
}

/* What the diff is made against. */
static int take_since(const char *name, struct layers_export *export)
{
	const struct layers_request *request = export->request;
	uint64_t number = 0;
	int ret = 0;

	if (request->since && request->diff)
		return tool_usage(name, "--since and --diff are one too many");
	if (request->since && nbd_uri_is(request->layer.folder))
		return tool_usage(name, "a disk has one moment: --since is for "
					"layers of a folder");
	if (request->since) {
		if (!number_parse(request->since, UINT64_MAX - 1, &number) ||
		    !number)
			return tool_usage(name,
					  "a layer's number is from 1 on, not "
					  "'%.40s'",
					  request->since);
		export->since = request->layer;
		export->since.number = number;
	}
	if (request->diff)
		ret = layer_name_parse(request->diff, &export->since);
	if (ret)
		return tool_usage(name, "'%.60s' names no layer: %s",
				  request->diff, layer_name_reason(ret));
	return TOOL_OK;
}

static int check_request(const char *name, struct layers_export *export)
{
	const struct layers_request *request = export->request;

	if (!request->is_core && !request->layout)
		return tool_usage(name, "--core or --layout LAYOUT is missing");
	if (request->is_core && request->layout)
		return tool_usage(name, "--core and --layout are one too many");
	if (request->is_core && (request->since || request->diff))
		return tool_usage(name, "a core has all pages: --since and "
					"--diff are for --layout");
	if (!request->output || !*request->output)
		return tool_usage(name, "--output FILE is missing");
	if (strcmp(request->output, "-") == 0)
		return tool_usage(name, "--output takes a file, which is "
					"written at random places, and no "
					"pipe: a file of that name is ./-");
	if (request->layout &&
	    !layers_layout_parse(request->layout, &export->layout))
		return tool_usage(name,
				  "the layouts are flat, qemu, firecracker and "
				  "cloud-hypervisor, not '%.40s'",
				  request->layout);
	return take_since(name, export);
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
	struct layers_export export = {
		.request = &request,
		.info = {.size = sizeof(export.info)},
	};
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int status = layers_parse(argc, argv, &syntax, &request);
	int ret;

	if (status != TOOL_OK)
		return status;
	status = check_request(argv[0], &export);
	if (status != TOOL_OK)
		return status;
	interrupt_watch();
	ret = run(&export, &err);
	layer_place_close(&export.place);
	return ret ? tool_failed(&err) : TOOL_OK;
}
