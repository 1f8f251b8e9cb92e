/* SPDX-License-Identifier: MIT */
/*
 * The header, field by field.
 */
#include "qcow2/header.h"

#include <errno.h>
#include <stddef.h>

#include "common/big_endian.h"
#include "qcow2/format.h"

#define WHERE "qcow2"

#define MAX_REFCOUNT_ORDER 6 /* QEMU's: refcounts of 64 bits */

static uint32_t u32_at(const uint8_t *bytes, size_t off)
{
	return (uint32_t)big_endian_get(bytes + off, 4);
}

static uint64_t u64_at(const uint8_t *bytes, size_t off)
{
	return big_endian_get(bytes + off, 8);
}

static int damaged(struct smudge_error *err, const char *name, const char *what)
{
	return smudge_error_set(err, -EBADMSG, WHERE, "%.100s: %s", name, what);
}

static int not_read(struct smudge_error *err, const char *name,
		    const char *what)
{
	return smudge_error_set(err, -EMEDIUMTYPE, WHERE, "%.100s: %s", name,
				what);
}

/* What both versions have. */
static int decode_common(const uint8_t *bytes, uint64_t file_bytes,
			 const char *name, struct smi_qcow2_header *header,
			 struct smudge_error *err)
{
	if (file_bytes < 8 || u32_at(bytes, 0) != SMI_QCOW2_MAGIC)
		return not_read(err, name, "is no qcow2 image");
	header->version = u32_at(bytes, 4);
	if (header->version != 2 && header->version != 3)
		return smudge_error_set(
			err, -EMEDIUMTYPE, WHERE,
			"%.100s: qcow2 version %u is not read, only 2 and 3",
			name, header->version);
	if (file_bytes < SMI_QCOW2_HEADER_BYTES_V2)
		return damaged(err, name, "the file ends in its header");
	header->backing_off = u64_at(bytes, 8);
	header->backing_bytes = header->backing_off ? u32_at(bytes, 16) : 0;
	header->cluster_bits = u32_at(bytes, 20);
	header->disk_bytes = u64_at(bytes, 24);
	if (u32_at(bytes, 32) != 0)
		return not_read(err, name, "encrypted images are not read");
	header->l1_entries = u32_at(bytes, 36);
	header->l1_off = u64_at(bytes, 40);
	header->header_bytes = SMI_QCOW2_HEADER_BYTES_V2;
	return 0;
}

static int decode_v3(const uint8_t *bytes, uint64_t file_bytes,
		     const char *name, struct smi_qcow2_header *header,
		     struct smudge_error *err)
{
	bool has_type;

	if (file_bytes < SMI_QCOW2_HEADER_BYTES_V3)
		return damaged(err, name, "the file ends in its header");
	header->incompatible = u64_at(bytes, 72);
	header->header_bytes = u32_at(bytes, 100);
	if (header->header_bytes < SMI_QCOW2_HEADER_BYTES_V3)
		return damaged(err, name, "its header is too short");
	if (u32_at(bytes, 96) > MAX_REFCOUNT_ORDER)
		return damaged(err, name, "its refcounts are above 64 bits");
	has_type = header->header_bytes > SMI_QCOW2_HEADER_BYTES_V3 &&
		   file_bytes > SMI_QCOW2_HEADER_BYTES_V3;
	if (has_type && bytes[SMI_QCOW2_HEADER_BYTES_V3] > SMI_QCOW2_ZSTD)
		return smudge_error_set(
			err, -EMEDIUMTYPE, WHERE,
			"%.100s: compression type %u is not read, only zstd",
			name, bytes[SMI_QCOW2_HEADER_BYTES_V3]);
	header->is_zstd =
		has_type && bytes[SMI_QCOW2_HEADER_BYTES_V3] == SMI_QCOW2_ZSTD;
	if (header->is_zstd != !!(header->incompatible & SMI_QCOW2_COMPRESSION))
		return damaged(err, name,
			       "its compression type and its feature bit "
			       "disagree");
	return 0;
}

static int check_clusters(const struct smi_qcow2_header *header,
			  const char *name, struct smudge_error *err)
{
	if (header->cluster_bits < 9 ||
	    header->cluster_bits > SMI_QCOW2_MAX_CLUSTER_BITS)
		return smudge_error_set(err, -EBADMSG, WHERE,
					"%.100s: a cluster has 2^%u bytes",
					name, header->cluster_bits);
	if (header->cluster_bits < SMI_QCOW2_MIN_CLUSTER_BITS)
		return smudge_error_set(err, -EMEDIUMTYPE, WHERE,
					"%.100s: clusters of %u bytes are not "
					"read, only 4096 and more (qemu-img "
					"convert -o cluster_size=64K)",
					name, 1U << header->cluster_bits);
	if (header->header_bytes >> header->cluster_bits)
		return damaged(err, name, "its header exceeds a cluster");
	return 0;
}

static int check_backing(const struct smi_qcow2_header *header,
			 uint64_t file_bytes, const char *name,
			 struct smudge_error *err)
{
	uint64_t cluster_bytes = UINT64_C(1) << header->cluster_bits;

	if (header->backing_bytes > SMI_QCOW2_MAX_BACKING_NAME_BYTES)
		return damaged(err, name,
			       "its backing file's name is above 1023 bytes");
	if (header->backing_off > cluster_bytes - header->backing_bytes)
		return damaged(err, name,
			       "its backing file's name leaves the first "
			       "cluster");
	if (header->backing_off && header->backing_off < header->header_bytes)
		return damaged(err, name,
			       "its backing file's name is in its header");
	if (header->backing_off + header->backing_bytes > file_bytes)
		return damaged(err, name,
			       "the file ends in its backing file's name");
	return 0;
}

int smi_qcow2_header_decode(const uint8_t *bytes, uint64_t file_bytes,
			    const char *name,
			    struct smi_qcow2_header *ret_header,
			    struct smudge_error *err)
{
	struct smi_qcow2_header header = {0};
	int ret = decode_common(bytes, file_bytes, name, &header, err);

	if (!ret && header.version == 3)
		ret = decode_v3(bytes, file_bytes, name, &header, err);
	if (!ret)
		ret = check_clusters(&header, name, err);
	if (!ret)
		ret = check_backing(&header, file_bytes, name, err);
	if (!ret)
		*ret_header = header;
	return ret;
}

/* An L2 table is a cluster, with entries of 8 bytes. */
static uint64_t l1_entries_of(const struct smi_qcow2_header *header)
{
	unsigned int shift = 2 * header->cluster_bits - 3;
	uint64_t rest = header->disk_bytes & ((UINT64_C(1) << shift) - 1);

	return (header->disk_bytes >> shift) + (rest != 0);
}

int smi_qcow2_header_check_l1(struct smi_qcow2_header *header,
			      uint64_t file_bytes, const char *name,
			      struct smudge_error *err)
{
	uint64_t needed = l1_entries_of(header);
	uint64_t cluster_mask = (UINT64_C(1) << header->cluster_bits) - 1;

	if (header->disk_bytes % 512 != 0)
		return damaged(err, name, "its disk is not whole sectors");
	if (header->l1_entries > SMI_QCOW2_MAX_L1_BYTES / 8)
		return damaged(err, name, "its L1 table is above 32 MiB");
	if (header->l1_entries < needed)
		return damaged(err, name,
			       "its L1 table is too small for its disk");
	if (header->l1_off & cluster_mask)
		return damaged(err, name,
			       "its L1 table does not begin at a cluster");
	if (needed && (header->l1_off > file_bytes ||
		       needed > (file_bytes - header->l1_off) / 8))
		return damaged(err, name,
			       "its L1 table reaches beyond the file's end");
	header->l1_entries = needed;
	return 0;
}
