/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory in files as other VMMs have it, or what differs of it since
 * another moment. All of the files appear, or none.
 */
#include "layers/export.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "layers/changed.h"
#include "layers/guest.h"
#include "layers/regions.h"
#include "print_json.h"
#include "printable.h"
#include "text.h"

#define NAME "layers"

struct layout_export {
	struct layers_export *export;
	struct layers_guest guest;
	struct layers_file *files;
	struct new_file *new_files;
	size_t nfiles;
	uint64_t nbytes; /* of all files */
	uint64_t done_bytes;
	struct smudge_layer_info since; /* of a diff */
};

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
}

static struct layers_piece piece_of(const struct layers_range *range)
{
	return (struct layers_piece){
		.region = range->region,
		.region_off = range->region_off,
		.nbytes = range->nbytes,
		.file_off = range->file_off,
	};
}

static int add_pieces(struct layout_export *layout, struct layers_file *file,
		      struct smudge_error *err)
{
	struct layers_guest *guest = &layout->guest;
	int ret = layers_guest_need_map(guest, err);

	if (ret)
		return ret;
	if (layers_layout_place(layout->export->layout, guest->all, guest->nall,
				&file->nbytes))
		return smudge_error_set(err, -EFBIG, NAME,
					"a file cannot be that large");
	file->pieces = calloc(guest->nall, sizeof(*file->pieces));
	if (!file->pieces)
		return no_memory(err);
	for (size_t i = 0; i < guest->nall; i++)
		file->pieces[file->npieces++] = piece_of(&guest->all[i]);
	return 0;
}

/* The region of a backend. Return: does the layer have it? */
static bool find_region(const struct layout_export *layout,
			const struct qemu_backend *backend, size_t *ret_region)
{
	const struct smudge_chain *chain = layout->export->chain;

	return qemu_backend_is_file_name(backend) &&
	       layers_find_region(chain, backend->region, ret_region) &&
	       layers_region(chain, *ret_region).size_bytes ==
		       backend->size_bytes;
}

/* A memory backend from its first byte on. */
static int add_backend(struct layout_export *layout, size_t i,
		       struct smudge_error *err)
{
	const struct qemu_machine *machine = &layout->guest.machine;
	const struct qemu_backend *backend = &machine->backends[i];
	struct layers_file *file = &layout->files[i];
	size_t region;

	if (!find_region(layout, backend, &region))
		return smudge_error_set(err, -EBADMSG, NAME,
					"the layer lacks the memory of the "
					"backend '%.60s'",
					backend->id);
	file->path =
		qemu_backend_path(machine, i, layout->export->request->output);
	file->pieces = calloc(1, sizeof(*file->pieces));
	if (!file->path || !file->pieces)
		return no_memory(err);
	file->nbytes = backend->size_bytes;
	file->npieces = 1;
	file->pieces[0] = (struct layers_piece){
		.region = region,
		.nbytes = backend->size_bytes,
	};
	return 0;
}

static int make_files(struct layout_export *layout, struct smudge_error *err)
{
	const struct layers_export *export = layout->export;
	size_t nbackends = export->layout == LAYERS_QEMU
				   ? layout->guest.machine.nbackends
				   : 0;
	int ret = 0;

	layout->files = calloc(nbackends + 1, sizeof(*layout->files));
	layout->new_files = calloc(nbackends + 1, sizeof(*layout->new_files));
	if (!layout->files || !layout->new_files)
		return no_memory(err);
	layout->nfiles = nbackends ? nbackends : 1;
	for (size_t i = 0; i < layout->nfiles; i++)
		layout->new_files[i].fd = -1;
	for (size_t i = 0; !ret && i < nbackends; i++)
		ret = add_backend(layout, i, err);
	if (ret || nbackends)
		return ret;
	layout->files[0].path = strdup(export->request->output);
	if (!layout->files[0].path)
		return no_memory(err);
	return add_pieces(layout, &layout->files[0], err);
}

static int find_changed(struct layout_export *layout, struct smudge_error *err)
{
	const struct layer_name *since = &layout->export->since;
	struct layer_place place = {0};
	struct layers_guest guest = {0};
	int ret = layer_place_open(since, interrupt_end_fd(), &place, err);

	layout->since.size = sizeof(layout->since);
	if (!ret)
		ret = layer_place_info(&place, &layout->since, err);
	if (!ret)
		ret = layers_guest_open(place.chain, &guest, err);
	if (!ret)
		ret = layers_changed_find(&guest, &layout->guest, layout->files,
					  layout->nfiles, err);
	layers_guest_free(&guest);
	layer_place_close(&place);
	return ret;
}

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct layout_export *layout = opaque;

	(void)total_bytes;
	return layers_export_progress(layout->export,
				      layout->done_bytes + done_bytes,
				      layout->nbytes);
}

/* A diff is looked at as its readers will find it. */
static int check_file(const struct layers_file *file,
		      const struct new_file *new_file, struct smudge_error *err)
{
	if (fsync(new_file->fd) < 0)
		return smudge_error_set(err, -errno, NAME,
					"cannot write %.120s: %s", file->path,
					strerror(errno));
	return layers_changed_check(file, new_file->fd, err);
}

static int write_file(struct layout_export *layout, size_t i,
		      struct smudge_error *err)
{
	const struct layers_file *file = &layout->files[i];
	const struct new_file *new_file = &layout->new_files[i];
	const struct layers_copying copying = {
		.chain = layout->export->chain,
		.pieces = file->pieces,
		.npieces = file->npieces,
		.fd = new_file->fd,
		.path = new_file->path,
		.wanted = file->wanted,
		.progress = progress,
		.opaque = layout,
	};
	int ret = layers_export_stretch(new_file, file->nbytes, err);

	if (!ret)
		ret = layers_copy(&copying, err);
	layout->done_bytes += file->nbytes;
	return ret || !file->wanted ? ret : check_file(file, new_file, err);
}

/* All names are looked at before the first byte is written. */
static int write_files(struct layout_export *layout, struct smudge_error *err)
{
	const struct layers_request *request = layout->export->request;
	int ret = 0;

	for (size_t i = 0; !ret && i < layout->nfiles; i++) {
		ret = new_file_open(&layout->new_files[i],
				    layout->files[i].path, request->is_forced,
				    err);
		layout->nbytes += layout->files[i].nbytes;
	}
	if (!ret && layers_export_is_diff(layout->export))
		ret = find_changed(layout, err);
	work_begin(&layout->export->work, "exported", request->is_json);
	for (size_t i = 0; !ret && i < layout->nfiles; i++)
		ret = write_file(layout, i, err);
	work_end(&layout->export->work);
	return ret ? ret
		   : new_files_keep(layout->new_files, layout->nfiles, err);
}

/* Does the range begin in the piece? */
static bool is_in(const struct layers_range *range,
		  const struct layers_piece *piece)
{
	return range->region == piece->region &&
	       range->region_off >= piece->region_off &&
	       range->region_off - piece->region_off < piece->nbytes;
}

static json_t *describe_range(const struct layers_range *range,
			      const struct layers_piece *piece)
{
	json_t *object = json_object();

	layers_add(object, "address", range->gpa);
	layers_add(object, "size-bytes", range->nbytes);
	layers_add(object, "file-offset",
		   piece->file_off + range->region_off - piece->region_off);
	return object;
}

/* Where the guest has the memory of a piece, as far as that is known. */
static void add_ranges(const struct layout_export *layout,
		       const struct layers_piece *piece, json_t *ranges)
{
	for (size_t i = 0; i < layout->guest.nall; i++)
		if (is_in(&layout->guest.all[i], piece))
			json_array_append_new(
				ranges,
				describe_range(&layout->guest.all[i], piece));
}

static json_t *describe_file(const struct layout_export *layout,
			     const struct layers_file *file)
{
	json_t *ranges = json_array();
	json_t *object =
		json_pack("{s:o, s:o}", "file", layers_text_json(file->path),
			  "ranges", ranges);

	layers_add(object, "length-bytes", file->nbytes);
	if (file->wanted)
		layers_add(object, "pages", file->nwanted);
	for (size_t i = 0; i < file->npieces; i++)
		add_ranges(layout, &file->pieces[i], ranges);
	return object;
}

static int print_object(const struct layout_export *layout,
			struct smudge_error *err)
{
	const struct layers_export *export = layout->export;
	json_t *files = json_array();
	json_t *object =
		json_pack("{s:o, s:s, s:o}", "layer",
			  layers_text_json(export->info.file_name), "layout",
			  layers_layout_name(export->layout), "files", files);
	int ret;

	layers_add(object, "time-ns", export->info.time_ns);
	if (layers_export_is_diff(export))
		json_object_set_new(object, "since",
				    layers_text_json(layout->since.file_name));
	for (size_t i = 0; i < layout->nfiles; i++)
		json_array_append_new(files,
				      describe_file(layout, &layout->files[i]));
	ret = print_json(object, JSON_INDENT(2), err);
	json_decref(object);
	return ret;
}

static void print_file(const struct layout_export *layout,
		       const struct layers_file *file)
{
	const struct layers_export *export = layout->export;
	char time[LAYERS_TIME_BYTES], bytes[TEXT_BYTES], pages[TEXT_BYTES];
	char path[PATH_MAX];

	printable_copy(path, sizeof(path), file->path);
	layers_time(export->info.time_ns, time);
	text_bytes(bytes, (double)file->nbytes);
	text_count(pages, (double)file->nwanted, 20);
	printf("%s: %s of %s, %s", path, layers_layout_name(export->layout),
	       time, bytes);
	if (file->wanted)
		printf(", %s pages that differ from %s", pages,
		       layout->since.file_name);
	putchar('\n');
}

static int print(const struct layout_export *layout, struct smudge_error *err)
{
	if (layout->export->request->is_json)
		return print_object(layout, err);
	for (size_t i = 0; i < layout->nfiles; i++)
		print_file(layout, &layout->files[i]);
	return 0;
}

static void free_file(struct layers_file *file)
{
	free(file->path);
	free(file->pieces);
	free(file->wanted);
}

static void free_files(struct layout_export *layout)
{
	for (size_t i = 0; i < layout->nfiles; i++) {
		if (layout->new_files)
			new_file_close(&layout->new_files[i]);
		free_file(&layout->files[i]);
	}
	free(layout->files);
	free(layout->new_files);
}

int layers_export_layout(struct layers_export *export, struct smudge_error *err)
{
	struct layout_export layout = {.export = export};
	int ret = layers_guest_open(export->chain, &layout.guest, err);

	if (!ret)
		ret = make_files(&layout, err);
	if (!ret)
		ret = write_files(&layout, err);
	ret = layers_interrupted(ret, err);
	if (!ret)
		ret = print(&layout, err);
	free_files(&layout);
	layers_guest_free(&layout.guest);
	return ret;
}
