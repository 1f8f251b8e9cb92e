/* SPDX-License-Identifier: MIT */
/*
 * Calls of a block device, one after the other.
 */
#include "checkpoint/disk.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "qcow2/format.h"
#include "sys/error.h"
#include "sys/options.h"

int smi_disk_copy(struct smi_disk *to, const struct smudge_disk *from,
		  bool is_written, struct smudge_error *err)
{
	int ret = smi_sys_options_copy(&to->ops, from->ops,
				       SMI_SYS_SHAPE(smudge_disk_ops, cancel),
				       SMI_DISK_NAME, err);

	if (ret < 0)
		return ret;
	if (!to->ops.read || (is_written && (!to->ops.write || !to->ops.flush)))
		return smudge_error_set(
			err, -EINVAL, SMI_DISK_NAME, "a disk needs %s",
			is_written ? "read, write and flush" : "read");
	to->opaque = from->disk;
	to->size_bytes =
		from->size_bytes & ~(uint64_t)(SMI_QCOW2_PAGE_BYTES - 1);
	return 0;
}

/* What a call returned, with a sentence. */
static int checked(struct smudge_error *own, int value, const char *what,
		   uint64_t offset, struct smudge_error *err)
{
	int ret = smi_sys_callback_check(own, value, SMI_DISK_NAME, what);

	if (ret < 0 && own->code)
		smi_sys_error_keep(err, own);
	else if (ret < 0)
		smudge_error_set(err, ret, SMI_DISK_NAME,
				 "%s at byte %" PRIu64 ": %s", what, offset,
				 strerror(-ret));
	return ret;
}

int smi_disk_read(const struct smi_disk *disk, uint64_t offset, void *bytes,
		  size_t length, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int value = disk->ops.read(disk->opaque, offset, bytes, length, &own);

	return checked(&own, value, "read", offset, err);
}

int smi_disk_write(const struct smi_disk *disk, uint64_t offset,
		   const void *bytes, size_t length, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int value = disk->ops.write(disk->opaque, offset, bytes, length, &own);

	return checked(&own, value, "write", offset, err);
}

int smi_disk_zero(const struct smi_disk *disk, uint64_t offset, uint64_t length,
		  struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int value = disk->ops.zero
			    ? disk->ops.zero(disk->opaque, offset, length, &own)
			    : -EOPNOTSUPP;

	return checked(&own, value, "zero", offset, err);
}

int smi_disk_flush(const struct smi_disk *disk, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int value = disk->ops.flush(disk->opaque, &own);

	return checked(&own, value, "flush", 0, err);
}
