/* SPDX-License-Identifier: MIT */
/*
 * The first cluster of an image that is written: header of version 3,
 * extensions, the backing file's name.
 */
#ifndef LIB_QCOW2_HEADER_ENCODE_H
#define LIB_QCOW2_HEADER_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qcow2/format.h"

#define SMI_QCOW2_MAX_HINT_BYTES 256

struct smi_qcow2_new_header {
	uint64_t npages; /* of the virtual disk */
	uint64_t l1_off, l1_entries;
	uint64_t refcounts_off, refcounts_clusters; /* the refcount table */
	bool has_compressed;
	const char *backing_name; /* at most SMI_QCOW2_MAX_BACKING_NAME_BYTES;
				     NULL: none */
	const uint8_t *hint;	  /* payload of smudge's extension */
	size_t hint_bytes; /* at most SMI_QCOW2_MAX_HINT_BYTES; 0: none */
};

void smi_qcow2_header_encode(const struct smi_qcow2_new_header *header,
			     uint8_t cluster[SMI_QCOW2_PAGE_BYTES]);

#endif
