/* SPDX-License-Identifier: MIT */
/*
 * A chunk: some pages of the disk that one thread writes to the file at once.
 *
 * In the file it begins at a cluster: first the pages that are stored raw, each
 * a cluster; then the compressed ones, byte after byte, up to the end of a
 * cluster. So a chunk costs half a cluster on average, and no two chunks share
 * one.
 */
#ifndef LIB_QCOW2_CHUNK_H
#define LIB_QCOW2_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qcow2/digest.h"
#include "qcow2/failure.h"
#include "qcow2/output.h"

#define SMI_QCOW2_CHUNK_ITEMS 256

/* A page with data, or a range of pages that read as zeros. */
struct smi_qcow2_item {
	uint64_t page;
	uint64_t npages;		     /* 1 with data */
	const uint8_t *bytes;		     /* borrowed; NULL: zeros */
	uint16_t packed_bytes;		     /* they are this, compressed */
	struct smi_qcow2_digest *ret_digest; /* or NULL; only of pages */
	uint64_t ret_entry;		     /* L2 entry; 0: zeros */
};

struct smi_qcow2_chunk {
	size_t nitems;
	struct smi_qcow2_item items[SMI_QCOW2_CHUNK_ITEMS];
};

/* What a thread needs to write chunks. */
struct smi_qcow2_packer;

/*
 * smi_qcow2_packer_create
 * @output, @failure: borrowed until destroy
 * Return: 0, -ENOMEM.
 */
int smi_qcow2_packer_create(struct smi_qcow2_output *output,
			    struct smi_qcow2_failure *failure, bool compress,
			    struct smi_qcow2_packer **ret_packer);
void smi_qcow2_packer_destroy(struct smi_qcow2_packer *packer);

/*
 * smi_qcow2_packer_write - digests, entries and file contents of a chunk
 *
 * Gives up when there is a failure, and notes its own. After a failure the
 * chunk's digests and entries are undefined.
 */
void smi_qcow2_packer_write(struct smi_qcow2_packer *packer,
			    struct smi_qcow2_chunk *chunk);

#endif
