/* SPDX-License-Identifier: MIT */
/*
 * The header of an image, from bytes, and every number in it checked. Pure.
 *
 * The rules are QEMU's, and where smudge reads less the sentence names what is
 * not read. Refcounts are not looked at: a reader needs none. An image marked
 * dirty is read, since only its refcounts may be wrong.
 */
#ifndef LIB_QCOW2_HEADER_H
#define LIB_QCOW2_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#define SMI_QCOW2_HEADER_BYTES_V2 72
/* Of version 3, without the compression type, which may be missing. */
#define SMI_QCOW2_HEADER_BYTES_V3 104

#define SMI_QCOW2_MIN_CLUSTER_BITS 12
#define SMI_QCOW2_MAX_CLUSTER_BITS 21

struct smi_qcow2_header {
	uint32_t version; /* 2 or 3 */
	uint32_t cluster_bits;
	uint32_t header_bytes; /* extensions begin there */
	bool is_zstd;	       /* compressed clusters are zstd; else deflate */
	uint64_t incompatible; /* feature bits */
	uint64_t disk_bytes;   /* of the virtual disk */
	uint64_t l1_off;
	uint64_t l1_entries;
	/* Behind the header, in the first cluster and in the file. */
	uint64_t backing_off;	/* 0: no backing file */
	uint32_t backing_bytes; /* 0: no backing file */
};

/*
 * smi_qcow2_header_decode - the header of an image
 * @bytes: the first min(@file_bytes, 4096) bytes of the file
 * @name: of the file, for sentences
 *
 * Then the features are checked (features.h), since one that is not known may
 * change what tables mean; then the L1 table's place.
 * Return: 0, -EMEDIUMTYPE (no qcow2 image, or encryption or small clusters,
 * which are not read), -EBADMSG.
 */
int smi_qcow2_header_decode(const uint8_t *bytes, uint64_t file_bytes,
			    const char *name,
			    struct smi_qcow2_header *ret_header,
			    struct smudge_error *err);

/*
 * smi_qcow2_header_check_l1 - check the disk's size and the place of the L1
 *      table, and set l1_entries to what the disk needs: all are in the file
 * Return: 0, -EBADMSG.
 */
int smi_qcow2_header_check_l1(struct smi_qcow2_header *header,
			      uint64_t file_bytes, const char *name,
			      struct smudge_error *err);

#endif
