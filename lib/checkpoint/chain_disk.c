/* SPDX-License-Identifier: MIT */
/*
 * A layer that a block device shows: a chain of one raw image.
 */
#include <errno.h>
#include <stdlib.h>

#include "checkpoint/chain.h"
#include "checkpoint/disk.h"
#include "sys/error.h"

static int read_raw(void *opaque, uint64_t offset, void *bytes, size_t length,
		    struct smudge_error *err)
{
	return smi_disk_read(opaque, offset, bytes, length, err);
}

static int open_layer(struct smudge_chain *chain, struct smudge_error *err)
{
	const struct smi_qcow2_raw raw = {
		.read = read_raw,
		.opaque = chain->disk,
		.disk_bytes = chain->disk->size_bytes,
	};
	int ret = smi_qcow2_chain_open_raw(&raw, SMI_DISK_NAME, &chain->images,
					   err);

	return ret ? ret
		   : smi_chain_layer(chain->images, 0, &chain->layer, err);
}

int smudge_chain_open_disk(const struct smudge_disk *disk,
			   struct smudge_chain **ret_chain,
			   struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_chain *chain = smi_chain_create();
	int ret;

	smudge_error_clear(err);
	if (chain)
		chain->disk = malloc(sizeof(*chain->disk));
	if (!chain || !chain->disk) {
		smudge_chain_close(chain);
		return smudge_error_set(err, -ENOMEM, SMI_DISK_NAME,
					"no memory for a chain");
	}
	ret = smi_disk_copy(chain->disk, disk, false, err);
	if (!ret)
		ret = open_layer(chain, &own);
	if (!ret) {
		*ret_chain = chain;
		return 0;
	}
	smudge_chain_close(chain);
	if (ret == -ENODATA)
		return smudge_error_set(
			err, ret, SMI_DISK_NAME,
			"the disk shows no layer: a checkpoint onto it was cut "
			"off, or there never was one");
	smi_sys_error_keep(err, &own);
	return ret;
}
