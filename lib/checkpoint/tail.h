/* SPDX-License-Identifier: MIT */
/*
 * The tail of a layer: everything in struct smi_layer, to and from bytes.
 *
 * The footer is the last page of the virtual disk. It names the tail's place,
 * length and XXH3-128, the digests of the moment and of the parent, and has an
 * XXH3-128 of its own.
 */
#ifndef LIB_CHECKPOINT_TAIL_H
#define LIB_CHECKPOINT_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/layer.h"
#include "qcow2/format.h"

/* XXH3-128 without a seed, as tail and footer have it. */
struct smi_qcow2_digest smi_tail_checksum(const void *bytes, size_t length);

/*
 * smi_tail_encode - the tail of a layer, padded with zeros to whole pages
 * @layer: its tail_page, tail_npages and disk_npages are not read
 * @ret_bytes: owned by the caller
 * Return: 0, -E2BIG (regions, extents or blobs exceed the limits of layer.h),
 * -ENOMEM.
 */
int smi_tail_encode(const struct smi_layer *layer, uint8_t **ret_bytes,
		    size_t *ret_npages, struct smudge_error *err);

/*
 * smi_footer_encode - the footer, once tail_page, tail_npages, disk_npages and
 *      digest of @layer are final
 * @tail: what smi_tail_encode gave
 */
void smi_footer_encode(const struct smi_layer *layer, const uint8_t *tail,
		       uint8_t page[SMI_QCOW2_PAGE_BYTES]);

/* The footer of the same moment on another parent, NULL: on none. */
void smi_footer_set_parent(uint8_t page[SMI_QCOW2_PAGE_BYTES],
			   const struct smi_qcow2_digest *parent);

struct smi_footer {
	uint32_t version;
	uint64_t tail_page, tail_npages;
	struct smi_qcow2_digest tail_checksum, digest, parent;
	bool has_parent;
};

/*
 * smi_footer_decode - the footer of a disk of @disk_npages
 * Return: 0, -ENODATA (no footer: not a layer of smudge's), -EBADMSG (damaged),
 * -EPROTONOSUPPORT (a later version: the sentence says which).
 */
int smi_footer_decode(const uint8_t page[SMI_QCOW2_PAGE_BYTES],
		      uint64_t disk_npages, struct smi_footer *ret_footer,
		      struct smudge_error *err);

/*
 * smi_tail_decode - the tail that the footer names
 * @bytes: footer->tail_npages pages
 * @ret_layer: cleared by the caller with smi_layer_clear
 *
 * Checks all that can be checked without the pages: the checksum, that extents
 * lie on the disk, cover each region without gap or overlap, and share no page
 * with each other, the tail or the footer.
 * Return: 0, -EBADMSG, -EPROTONOSUPPORT (a section that may not be skipped),
 * -ENOMEM.
 */
int smi_tail_decode(const struct smi_footer *footer, const uint8_t *bytes,
		    uint64_t disk_npages, struct smi_layer *ret_layer,
		    struct smudge_error *err);

#endif
