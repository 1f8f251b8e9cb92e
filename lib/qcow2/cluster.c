/* SPDX-License-Identifier: MIT */
/*
 * L2 entries, decoded and checked.
 */
#include "qcow2/cluster.h"

#include <errno.h>

#define WHERE "qcow2"

static int damaged(const struct smi_qcow2_image *image, const char *what,
		   uint64_t file_off, struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, WHERE, "%.100s: %s %llu",
				image->name, what,
				(unsigned long long)file_off);
}

/*
 * The lower bits are an offset, the upper ones how many sectors of 512 bytes
 * follow the first.
 */
static int decode_compressed(const struct smi_qcow2_image *image,
			     uint64_t entry, struct smi_qcow2_cluster *cluster,
			     struct smudge_error *err)
{
	unsigned int shift = 62 - (image->header.cluster_bits - 8);
	uint64_t file_off = entry & ((UINT64_C(1) << shift) - 1);
	uint64_t sectors = ((entry & (SMI_QCOW2_COMPRESSED - 1)) >> shift) + 1;
	uint64_t length = sectors * 512 - file_off % 512;

	if (!image->header.is_zstd)
		return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
					"%.100s: deflate is not read, only "
					"zstd (qemu-img convert -c -o "
					"compression_type=zstd)",
					image->name);
	if (file_off >= image->file_bytes)
		return damaged(image,
			       "compressed data beyond the file's end, at",
			       file_off, err);
	if (length > image->file_bytes - file_off)
		length = image->file_bytes - file_off;
	cluster->is_compressed = true;
	cluster->file_off = file_off;
	cluster->length_bytes = (uint32_t)length;
	return 0;
}

int smi_qcow2_entry_decode(const struct smi_qcow2_image *image, uint64_t entry,
			   struct smi_qcow2_cluster *ret_cluster,
			   struct smudge_error *err)
{
	uint64_t file_off = entry & SMI_QCOW2_OFFSET;

	*ret_cluster = (struct smi_qcow2_cluster){0};
	if (entry & SMI_QCOW2_COMPRESSED)
		return decode_compressed(image, entry, ret_cluster, err);
	if (entry & SMI_QCOW2_ZERO && image->header.version < 3)
		return damaged(image,
			       "version 2 has no zero clusters, but one at",
			       file_off, err);
	if (file_off & ((UINT64_C(1) << image->header.cluster_bits) - 1))
		return damaged(image, "a cluster is not aligned, at", file_off,
			       err);
	if (entry & SMI_QCOW2_ZERO) {
		ret_cluster->is_zero = true;
		return 0;
	}
	if (file_off >= image->file_bytes)
		return damaged(image, "a cluster is beyond the file's end, at",
			       file_off, err);
	ret_cluster->file_off = file_off;
	return 0;
}
