/* SPDX-License-Identifier: MIT */
/*
 * Fields of the header, by their place.
 */
#include "qcow2/header_encode.h"

#include <string.h>

#include "common/big_endian.h"

#define HEADER_BYTES   112 /* up to the compression type and its padding */
#define REFCOUNT_ORDER 4   /* 16 bits */

static const char backing_format[] = "qcow2";

static void put_u32(uint8_t *cluster, size_t at, uint32_t value)
{
	big_endian_put(cluster + at, value, 4);
}

static void put_u64(uint8_t *cluster, size_t at, uint64_t value)
{
	big_endian_put(cluster + at, value, 8);
}

/* Return: where the next extension begins. */
static size_t put_extension(uint8_t *cluster, size_t at, uint32_t type,
			    const void *payload, size_t bytes)
{
	put_u32(cluster, at, type);
	put_u32(cluster, at + 4, (uint32_t)bytes);
	memcpy(cluster + at + 8, payload, bytes);
	return at + 8 + ((bytes + 7) & ~(size_t)7);
}

static void put_fields(const struct smi_qcow2_new_header *header,
		       uint8_t *cluster)
{
	put_u32(cluster, 0, SMI_QCOW2_MAGIC);
	put_u32(cluster, 4, 3); /* version */
	put_u32(cluster, 20, SMI_QCOW2_PAGE_SHIFT);
	put_u64(cluster, 24, header->npages * SMI_QCOW2_PAGE_BYTES);
	put_u32(cluster, 36, (uint32_t)header->l1_entries);
	put_u64(cluster, 40, header->l1_off);
	put_u64(cluster, 48, header->refcounts_off);
	put_u32(cluster, 56, (uint32_t)header->refcounts_clusters);
	if (header->has_compressed)
		put_u64(cluster, 72, SMI_QCOW2_COMPRESSION);
	put_u32(cluster, 96, REFCOUNT_ORDER);
	put_u32(cluster, 100, HEADER_BYTES);
	/* Without the feature bit the type must be 0. */
	cluster[104] =
		header->has_compressed ? SMI_QCOW2_ZSTD : SMI_QCOW2_DEFLATE;
}

void smi_qcow2_header_encode(const struct smi_qcow2_new_header *header,
			     uint8_t cluster[SMI_QCOW2_PAGE_BYTES])
{
	size_t at = HEADER_BYTES;

	memset(cluster, 0, SMI_QCOW2_PAGE_BYTES);
	put_fields(header, cluster);
	if (header->backing_name)
		at = put_extension(cluster, at, SMI_QCOW2_EXT_BACKING_FORMAT,
				   backing_format, strlen(backing_format));
	if (header->hint_bytes)
		at = put_extension(cluster, at, SMI_QCOW2_EXT_SMUDGE,
				   header->hint, header->hint_bytes);
	at = put_extension(cluster, at, SMI_QCOW2_EXT_END, "", 0);
	if (!header->backing_name)
		return;
	put_u64(cluster, 8, at);
	put_u32(cluster, 16, (uint32_t)strlen(header->backing_name));
	memcpy(cluster + at, header->backing_name,
	       strlen(header->backing_name));
}
