/* SPDX-License-Identifier: MIT */
/*
 * Bring many places of one image into a buffer, with few reads.
 *
 * Places that follow each other in the file, or nearly, are read by one
 * preadv(2): raw pages straight to where they belong, compressed clusters into
 * a buffer from which they are decompressed.
 */
#ifndef LIB_QCOW2_FETCH_H
#define LIB_QCOW2_FETCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <zstd.h>

#include <smudge/error.h>

#include "qcow2/place.h"
#include "qcow2/stack.h"

#define SMI_QCOW2_FETCH_IOVECS 256

struct smi_qcow2_fetch {
	struct smi_qcow2_stack *stack; /* borrowed */
	ZSTD_DCtx *context;	       /* NULL until the first one is needed */
	uint8_t *packed;	       /* compressed data as they are read */
	size_t packed_bytes;
	/* A cluster of which only some pages were wanted, and which it is. */
	uint8_t *cluster;
	size_t cluster_bytes;
	struct smi_qcow2_place cluster_of; /* npages 0: none is there */
	struct iovec iovecs[SMI_QCOW2_FETCH_IOVECS];
};

void smi_qcow2_fetch_init(struct smi_qcow2_fetch *fetch,
			  struct smi_qcow2_stack *stack);
void smi_qcow2_fetch_clear(struct smi_qcow2_fetch *fetch);

/*
 * smi_qcow2_fetch_image - fetch places of one image
 * @places: @n, raw or compressed, all of the same image, ascending file_off;
 *      their packed_at changes
 * @buffer: has the pages from @first_page on
 *
 * Return: 0, -EBADMSG, -ESTALE, -ENOMEM, or that of open(2), read(2).
 */
int smi_qcow2_fetch_image(struct smi_qcow2_fetch *fetch,
			  struct smi_qcow2_place *places, size_t n,
			  uint64_t first_page, uint8_t *buffer,
			  struct smudge_error *err);

#endif
