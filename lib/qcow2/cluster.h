/* SPDX-License-Identifier: MIT */
/*
 * What an L2 entry says: where in the file a cluster is, and how. Pure.
 *
 * A cluster that begins in the file and ends beyond it has zeros there, as QEMU
 * reads it. One that begins beyond the file's end is damage (QEMU reads zeros):
 * it is what a file looks like that was cut.
 */
#ifndef LIB_QCOW2_CLUSTER_H
#define LIB_QCOW2_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/format.h"
#include "qcow2/image.h"

/* Does an image have the cluster? Else it is its backing file's. */
static inline bool smi_qcow2_entry_is_allocated(uint64_t entry)
{
	return (entry & (SMI_QCOW2_COMPRESSED | SMI_QCOW2_ZERO |
			 SMI_QCOW2_OFFSET)) != 0;
}

static inline bool smi_qcow2_entry_is_zero(uint64_t entry)
{
	return (entry & (SMI_QCOW2_COMPRESSED | SMI_QCOW2_ZERO)) ==
	       SMI_QCOW2_ZERO;
}

struct smi_qcow2_cluster {
	bool is_zero, is_compressed; /* neither: raw */
	uint64_t file_off;	     /* in the file */
	/* Compressed: that may belong to it, as far as the file reaches. */
	uint32_t length_bytes;
};

/*
 * smi_qcow2_entry_decode - decode the entry of a cluster that @image has
 * Return: 0, -EBADMSG, -EMEDIUMTYPE (deflate).
 */
int smi_qcow2_entry_decode(const struct smi_qcow2_image *image, uint64_t entry,
			   struct smi_qcow2_cluster *ret_cluster,
			   struct smudge_error *err);

#endif
