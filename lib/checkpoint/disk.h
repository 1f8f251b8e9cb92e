/* SPDX-License-Identifier: MIT */
/*
 * The program's block device (disk.h) as the library calls it: what its
 * functions return is checked, and a failure always has a sentence.
 */
#ifndef LIB_CHECKPOINT_DISK_H
#define LIB_CHECKPOINT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/disk.h>
#include <smudge/error.h>

#define SMI_DISK_NAME "disk" /* of the image, in sentences */

struct smi_disk {
	struct smudge_disk_ops ops; /* copied */
	void *opaque;
	uint64_t size_bytes; /* whole pages */
};

/*
 * smi_disk_copy - take over a disk of the program's
 * @is_written: more than read is needed
 * Return: 0, -EINVAL, -E2BIG.
 */
int smi_disk_copy(struct smi_disk *to, const struct smudge_disk *from,
		  bool is_written, struct smudge_error *err);

/*
 * One call each. zero has no fallback: it returns -EOPNOTSUPP where there is no
 * such function.
 * Return: 0, or -errno, and then a sentence that names the offset.
 */
int smi_disk_read(const struct smi_disk *disk, uint64_t offset, void *bytes,
		  size_t length, struct smudge_error *err);
int smi_disk_write(const struct smi_disk *disk, uint64_t offset,
		   const void *bytes, size_t length, struct smudge_error *err);
int smi_disk_zero(const struct smi_disk *disk, uint64_t offset, uint64_t length,
		  struct smudge_error *err);
int smi_disk_flush(const struct smi_disk *disk, struct smudge_error *err);

#endif
