/* SPDX-License-Identifier: MIT */
/*
 * The index: which image of a stack has each page of a part of the disk, and
 * its L2 entry. Found in one pass over the images' tables from the top down,
 * each image opened once; it stops when every page is found.
 *
 * Memory: 10 bytes per page of the parts of it that have data, since the kernel
 * gives memory only where it is written; at most 10 MiB. A part of the disk in
 * which no image has an L2 table costs nothing and may be of any length.
 */
#ifndef LIB_QCOW2_WINDOW_H
#define LIB_QCOW2_WINDOW_H

#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/stack.h"

#define SMI_QCOW2_WINDOW_MAX_PAGES (UINT64_C(1) << 20)

struct smi_qcow2_window {
	uint64_t first_page, end_page; /* equal: nothing is loaded */
	uint64_t
		*entries; /* of each page, host order; NULL: no image has any */
	uint16_t *owners; /* of each page: image of the stack + 1, 0: none */
};

/*
 * smi_qcow2_window_load - find pages [first_page, end_page) of the disk
 * @window: not loaded; after a failure the same
 * @end_page: at most SMI_QCOW2_WINDOW_MAX_PAGES further; the window reaches
 *      further if no image has anything before
 * @last_page: the disk's end
 *
 * Return: 0, -EBADMSG (an L2 table is outside its file), -ESTALE, -ENOMEM, or
 * that of open(2), read(2).
 */
int smi_qcow2_window_load(struct smi_qcow2_window *window,
			  struct smi_qcow2_stack *stack, uint64_t first_page,
			  uint64_t end_page, uint64_t last_page,
			  struct smudge_error *err);
void smi_qcow2_window_unload(struct smi_qcow2_window *window);

#endif
