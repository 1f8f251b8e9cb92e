/* SPDX-License-Identifier: MIT */
/*
 * Pruning a folder that has no writer.
 */
#include "checkpoint/prune.h"

#include <errno.h>
#include <unistd.h>

#include "checkpoint/folder.h"
#include "checkpoint/readers.h"
#include "sys/options.h"

#define WHERE "prune"

int smi_prune_options_copy(struct smudge_prune_options *ret_options,
			   const struct smudge_prune_options *options,
			   struct smudge_error *err)
{
	struct smudge_prune_options *o = ret_options;
	int ret = smi_sys_options_copy(
		o, options, SMI_SYS_SHAPE(smudge_prune_options, opaque), WHERE,
		err);

	if (ret < 0)
		return ret;
	if (!o->keep_last && !o->keep_hourly && !o->keep_daily &&
	    !o->keep_weekly)
		return smudge_error_set(err, -EINVAL, WHERE,
					"nothing says which layers are kept");
	if (o->garbage_percent > 100)
		return smudge_error_set(err, -EINVAL, WHERE,
					"garbage_percent is %u, which is above "
					"100",
					o->garbage_percent);
	return 0;
}

int smi_prune_result_copy(struct smudge_prune_result *to,
			  const struct smudge_prune_result *from,
			  struct smudge_error *err)
{
	if (!to || !smi_sys_stats_copy(
			   to, from,
			   SMI_SYS_SHAPE(smudge_prune_result, written_bytes)))
		return 0;
	return smudge_error_set(err, -EINVAL, WHERE,
				"the size of smudge_prune_result is %zu "
				"bytes, which is too short",
				to->size);
}

/* To look only, it is enough to be a reader. */
static int open_folder(const struct smudge_prune_options *options,
		       struct smudge_error *err)
{
	int fd, ret;

	fd = smi_folder_open(options->folder, err);
	if (fd < 0)
		return fd;
	if (options->dry_run)
		ret = smi_readers_enter(fd, err);
	else
		ret = smi_folder_lock(fd, options->folder, err);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int smudge_layers_prune(const struct smudge_prune_options *options,
			struct smudge_prune_result *result,
			struct smudge_error *err)
{
	const struct smi_prune_writer none = {.next_parent = UINT64_MAX};
	struct smudge_prune_result own = {.size = sizeof(own)};
	struct smudge_prune_options o;
	int folder_fd, ret;

	smudge_error_clear(err);
	ret = smi_prune_options_copy(&o, options, err);
	if (ret < 0)
		return ret;
	if (!o.folder || !o.folder[0])
		return smudge_error_set(err, -EINVAL, WHERE,
					"pruning needs a folder: .folder is "
					"NULL or empty");
	ret = smi_prune_result_copy(result, &own, err);
	if (ret < 0)
		return ret;
	folder_fd = open_folder(&o, err);
	if (folder_fd < 0)
		return folder_fd;
	ret = smi_prune_folder(folder_fd, &o, &none, &own, err);
	close(folder_fd);
	(void)smi_prune_result_copy(result, &own, NULL);
	return ret;
}
