/* SPDX-License-Identifier: MIT */
/*
 * Which options go together.
 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include <smudge/error.h>

#include "common/nbd_uri.h"

#define WHERE "options"

/* With --incoming it has been ignored since the first version. */
static int check_append(const struct vm_options *options,
			struct smudge_error *err)
{
	if (!options->control.restore || !*options->append)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"--append is for --kernel: a guest that "
				"--restore brings back has its command line; "
				"see --help");
}

/* The guest comes from exactly one place. */
static int check_origin(const struct vm_options *options,
			struct smudge_error *err)
{
	int n = (options->kernel != NULL) +
		(options->control.incoming != NULL) +
		(options->control.restore != NULL);

	if (n == 1)
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				n ? "--kernel, --incoming and --restore "
				    "exclude each other; see --help"
				  : "one of --kernel, --incoming and --restore "
				    "is needed; see --help");
}

static int check_lazy(const struct vm_options *options,
		      struct smudge_error *err)
{
	if (options->control.is_lazy && !options->control.restore)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--lazy needs --restore FOLDER; see "
					"--help");
	if (options->control.lazy_bytes_per_second && !options->control.is_lazy)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--lazy-rate needs --lazy; see --help");
	return 0;
}

static int refuse(struct smudge_error *err, const char *text)
{
	return smudge_error_set(err, -EINVAL, WHERE, "%s; see --help", text);
}

/* A live image is overwritten by the next one, so it must not be all there is.
 */
static int check_disk(const struct checkpoint_request *request,
		      struct smudge_error *err)
{
	if (checkpoint_keep_is_any(&request->keep))
		return refuse(err, "the history of a disk is its engine's "
				   "snapshots, which it removes: "
				   "--checkpoint-keep is for folders");
	if (request->on_commit || request->snapshot_qmp)
		return 0;
	return refuse(err, "a disk holds one moment, which the next "
			   "checkpoint overwrites: have its engine take a "
			   "snapshot of each with --on-commit, or with "
			   "--snapshot-qmp and --snapshot-node");
}

/* Also for none. */
static int check_folder(const struct checkpoint_request *request, bool is_none,
			struct smudge_error *err)
{
	const char *of_disk = request->snapshot_qmp ? "--snapshot-qmp"
			      : request->may_lack_flush
				      ? "--store-without-flush"
				      : NULL;

	if (of_disk)
		return smudge_error_set(
			err, -EINVAL, WHERE,
			"%s needs a disk: --checkpoint-to nbd://HOST/EXPORT",
			of_disk);
	if (request->store_deadline_ns && !request->on_commit)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--store-deadline needs --on-commit, "
					"or a disk: --checkpoint-to "
					"nbd://HOST/EXPORT");
	if (request->on_commit && is_none)
		return refuse(err, "--on-commit needs --checkpoint-to "
				   "FOLDER|URI");
	return 0;
}

static int check_store(const struct checkpoint_request *request, bool is_none,
		       struct smudge_error *err)
{
	const char *to = request->folder;

	if (!request->snapshot_qmp != !request->snapshot_node)
		return refuse(err, "--snapshot-qmp SOCKET and --snapshot-node "
				   "NODE belong together");
	if (to && nbd_uri_is_other(to))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-to takes a folder or a "
					"disk, not '%.60s': %s",
					to, nbd_uri_known);
	return to && nbd_uri_is(to) ? check_disk(request, err)
				    : check_folder(request, is_none, err);
}

static int check_checkpoints(const struct vm_options *options,
			     struct smudge_error *err)
{
	const struct checkpoint_request *request = &options->control.checkpoint;
	const char *to = request->folder;
	bool is_none = !to || strcmp(to, "none") == 0;

	if (to && !*to)
		return refuse(err, "--checkpoint-to takes a folder, the URI of "
				   "a disk, or none");
	if (!options->control.checkpoint_every_ns &&
	    checkpoint_keep_is_any(&request->keep))
		return refuse(err, "--checkpoint-keep needs "
				   "--checkpoint-every");
	if (options->control.checkpoint_every_ns && is_none)
		return refuse(err, "--checkpoint-every needs --checkpoint-to "
				   "FOLDER|URI");
	return check_store(request, is_none, err);
}

int options_check(const struct vm_options *options, struct smudge_error *err)
{
	int ret;

	if (options->action != VM_ACTION_RUN)
		return 0;
	ret = check_origin(options, err);
	if (!ret)
		ret = check_append(options, err);
	if (!ret)
		ret = check_lazy(options, err);
	if (!ret)
		ret = check_checkpoints(options, err);
	if (ret)
		return ret;
	if (options->control.vnc &&
	    !options->machine.devices.framebuffer_width_pixels)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--vnc needs --display WIDTHxHEIGHT; "
					"see --help");
	if (options->control.incoming && !options->control.qmp &&
	    !strcmp(options->control.incoming, "defer"))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--incoming defer waits for QMP's "
					"migrate-incoming and needs --qmp; "
					"see --help");
	if (options->control.paused_start && !options->control.qmp)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--paused-start waits for QMP's cont "
					"and needs --qmp; see --help");
	return 0;
}
