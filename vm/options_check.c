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

static int check_checkpoints(const struct vm_options *options,
			     struct smudge_error *err)
{
	const char *to = options->control.checkpoint_to;

	if (to && !*to)
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-to takes a folder or "
					"none; see --help");
	if (!options->control.checkpoint_every_ns &&
	    checkpoint_keep_is_any(&options->control.checkpoint_keep))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-keep needs "
					"--checkpoint-every; see --help");
	if (to && nbd_uri_is_other(to))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-to takes a folder, not "
					"'%.60s': %s",
					to, nbd_uri_known);
	if (to && nbd_uri_is(to))
		return smudge_error_set(err, -EINVAL, WHERE,
					"--checkpoint-to takes a folder: "
					"checkpoints onto a disk are asked for "
					"by QMP (smudge checkpoint --qmp)");
	if (!options->control.checkpoint_every_ns || (to && strcmp(to, "none")))
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"--checkpoint-every needs --checkpoint-to "
				"FOLDER; see --help");
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
