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

#include "qcow2/check.h"
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

/* Where pages go to. */
struct smi_qcow2_target {
	uint64_t first_page; /* the first one of bytes */
	uint8_t *bytes;
	const struct smi_qcow2_check *check; /* NULL: none */
	/*
	 * Of each page, zeros: receives the length of the data that it has
	 * there instead, compressed, where it can have them. NULL: none shall
	 */
	uint16_t *packed_bytes;
};

static inline uint8_t *
smi_qcow2_target_at(const struct smi_qcow2_target *target, uint64_t page)
{
	return target->bytes +
	       ((page - target->first_page) << SMI_QCOW2_PAGE_SHIFT);
}

/* @npages are there. Return: 0, or what the check returned. */
static inline int smi_qcow2_target_check(const struct smi_qcow2_target *target,
					 uint64_t first_page, uint64_t npages)
{
	return target->check
		       ? target->check->pages(
				 target->check->opaque, first_page, npages,
				 smi_qcow2_target_at(target, first_page))
		       : 0;
}

/*
 * Pages of a place at most, and of what is read at once about: 256 KiB, so that
 * the check finds them in a cache.
 */
#define SMI_QCOW2_FETCH_PAGES 64

/*
 * smi_qcow2_fetch_image - fetch places of one image
 * @places: @n, raw or compressed, all of the same image, ascending file_off;
 *      their packed_at changes
 *
 * Return: 0, -EBADMSG, -ESTALE, -ENOMEM, or that of open(2), read(2), or of the
 * check.
 */
int smi_qcow2_fetch_image(struct smi_qcow2_fetch *fetch,
			  struct smi_qcow2_place *places, size_t n,
			  const struct smi_qcow2_target *target,
			  struct smudge_error *err);

#endif
