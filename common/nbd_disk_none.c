/* SPDX-License-Identifier: MIT */
/*
 * A build without libnbd's header: no disk can be opened.
 */
#include "common/nbd_disk.h"

#include <smudge/error.h>

#include <errno.h>
#include <stddef.h>

int nbd_disk_open(const struct nbd_disk_options *options, struct nbd_disk **ret,
		  struct smudge_error *err)
{
	(void)ret;
	return smudge_error_set(err, -EOPNOTSUPP, "nbd",
				"%.80s cannot be opened: this program was "
				"built without libnbd",
				options->uri);
}

/* None of these is ever called: there is no disk. */

int nbd_disk_renew(struct nbd_disk *disk, bool *ret_is_new,
		   struct smudge_error *err)
{
	(void)disk;
	(void)ret_is_new;
	return smudge_error_set(err, -EOPNOTSUPP, "nbd", "there is no disk");
}

void nbd_disk_cancel(struct nbd_disk *disk)
{
	(void)disk;
}

struct smudge_disk nbd_disk_device(struct nbd_disk *disk)
{
	(void)disk;
	return (struct smudge_disk){.ops = NULL};
}

void nbd_disk_close(struct nbd_disk *disk)
{
	(void)disk;
}
