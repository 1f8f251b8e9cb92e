/* SPDX-License-Identifier: MIT */
/*
 * Where pages are: runs of alike ones in a window of the index.
 */
#ifndef LIB_QCOW2_PLACE_H
#define LIB_QCOW2_PLACE_H

#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/stack.h"
#include "qcow2/window.h"

enum smi_qcow2_kind {
	SMI_QCOW2_KIND_NOWHERE, /* zeros, as no image has them */
	SMI_QCOW2_KIND_ZEROS,
	SMI_QCOW2_KIND_RAW,
	SMI_QCOW2_KIND_COMPRESSED,
};

struct smi_qcow2_place {
	enum smi_qcow2_kind kind;
	uint32_t image; /* of the stack; not for NOWHERE */
	uint64_t first_page, npages;
	/* Of the pages' bytes the image has these; zeros follow them. */
	uint64_t shown_bytes;
	uint64_t file_off;     /* RAW, COMPRESSED */
	uint32_t length_bytes; /* COMPRESSED: of data in the file, at most */
	uint32_t skip_pages; /* COMPRESSED: of the cluster, before the first */
	uint32_t packed_at;  /* COMPRESSED: fetch.c's, in its buffer */
};

/*
 * smi_qcow2_place_find - the longest run of pages from @page on that is alike
 * @window: has @page
 * @end_page: where the run ends at the latest, with the window
 *
 * A raw run is contiguous in the file. A compressed one has pages of one
 * cluster only.
 * Return: 0, -EBADMSG, -EMEDIUMTYPE (deflate).
 */
int smi_qcow2_place_find(const struct smi_qcow2_stack *stack,
			 const struct smi_qcow2_window *window, uint64_t page,
			 uint64_t end_page, struct smi_qcow2_place *ret_place,
			 struct smudge_error *err);

#endif
