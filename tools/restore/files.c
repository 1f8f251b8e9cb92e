/* SPDX-License-Identifier: MIT */
/*
 * The files that a restore writes: all of them appear whole, or none does.
 */
#include "restore/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/error.h>

#include "clock.h"
#include "layers/copy.h"
#include "layers/layers.h"
#include "new_file.h"
#include "parts.h"
#include "work.h"

#define NAME "restore"

struct writing {
	const struct restore_request *request;
	const struct restore_plan *plan;
	struct new_file *files; /* of the memories, and the state's as last */
	size_t nfiles;
	struct work work;
	double done_bytes, total_bytes; /* of whole files; of all */
};

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct writing *writing = opaque;

	(void)total_bytes;
	work_show(&writing->work, writing->done_bytes + (double)done_bytes,
		  writing->total_bytes);
	return interrupted();
}

/* All names are looked at before the first byte is written. */
static int open_files(struct writing *writing, struct smudge_error *err)
{
	const struct restore_plan *plan = writing->plan;
	int ret = 0;

	for (size_t i = 0; i < writing->nfiles; i++)
		writing->files[i].fd = -1;
	for (size_t i = 0; !ret && i < writing->nfiles; i++)
		ret = new_file_open(&writing->files[i],
				    i < plan->machine.nbackends
					    ? plan->memories[i].path
					    : plan->state_path,
				    writing->request->replaces_files, err);
	return ret;
}

static int write_memory(struct writing *writing, size_t i,
			struct smudge_error *err)
{
	const struct restore_memory *memory = &writing->plan->memories[i];
	uint64_t size_bytes = writing->plan->machine.backends[i].size_bytes;
	const struct layers_piece piece = {.region = memory->region,
					   .nbytes = size_bytes};
	const struct layers_copying copying = {
		.chain = writing->plan->chain,
		.pieces = &piece,
		.npieces = 1,
		.fd = writing->files[i].fd,
		.path = memory->path,
		.progress = progress,
		.opaque = writing,
	};
	int ret;

	if (ftruncate(writing->files[i].fd, (off_t)size_bytes) < 0)
		return smudge_error_set(err, -errno, NAME,
					"cannot make %.110s as large as the "
					"guest's memory: %s",
					memory->path, strerror(errno));
	ret = layers_copy(&copying, err);
	writing->done_bytes += (double)size_bytes;
	return layers_interrupted(ret, err);
}

static int write_all(const struct new_file *file, const char *bytes,
		     size_t left, struct smudge_error *err)
{
	while (left) {
		ssize_t n = write(file->fd, bytes, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return smudge_error_set(err, -errno, NAME,
						"cannot write %.120s: %s",
						file->path, strerror(errno));
		bytes += n;
		left -= (size_t)n;
	}
	return 0;
}

/* An empty description of the devices, which QEMU expects after their state. */
static int end_state(struct writing *writing, struct smudge_error *err)
{
	static const char nothing[] = {6, 0, 0, 0, 0};

	return write_all(&writing->files[writing->nfiles - 1], nothing,
			 sizeof(nothing), err);
}

static int name_files(struct writing *writing, struct smudge_error *err)
{
	return writing->request->is_run
		       ? new_files_name(writing->files, writing->nfiles, err)
		       : new_files_keep(writing->files, writing->nfiles, err);
}

static int write_files(struct writing *writing, struct smudge_error *err)
{
	int ret = open_files(writing, err);

	for (size_t i = 0; !ret && i < writing->nfiles - 1; i++)
		ret = write_memory(writing, i, err);
	if (!ret)
		ret = write_all(&writing->files[writing->nfiles - 1],
				writing->plan->state,
				writing->plan->state_bytes, err);
	if (!ret)
		ret = end_state(writing, err);
	if (!ret)
		ret = name_files(writing, err);
	for (size_t i = 0; i < writing->nfiles; i++)
		new_file_close(&writing->files[i]);
	return ret;
}

int restore_files_write(const struct restore_request *request,
			const struct restore_plan *plan,
			struct smudge_error *err)
{
	/* what QEMU prints is not mixed with ours, but on a terminal */
	bool is_quiet = request->is_json ||
			(request->is_run && !parts_can_redraw(STDOUT_FILENO));
	struct writing writing = {
		.request = request,
		.plan = plan,
		.nfiles = plan->machine.nbackends + 1,
	};
	int ret;

	writing.files = calloc(writing.nfiles, sizeof(*writing.files));
	if (!writing.files)
		return smudge_error_set(err, -ENOMEM, NAME, "out of memory");
	for (size_t i = 0; i < plan->machine.nbackends; i++)
		writing.total_bytes +=
			(double)plan->machine.backends[i].size_bytes;
	work_begin(&writing.work, "restored", is_quiet);
	ret = write_files(&writing, err);
	work_end(&writing.work);
	free(writing.files);
	return ret;
}
