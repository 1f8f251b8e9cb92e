/* SPDX-License-Identifier: MIT */
/*
 * The windows of the index that a reader keeps: a few, so that reading in two
 * places by turns loads none twice.
 *
 * A window is small at first, since the tail of a layer is read without the
 * rest, and each one that continues another is twice as long, up to 4 GiB of
 * the disk: reading all of a long chain opens each image seldom. Where a page
 * is waited for it is 2 MiB at first, of which each image has one table, so
 * that little is read of the many images of a long chain.
 */
#ifndef LIB_QCOW2_INDEX_H
#define LIB_QCOW2_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "qcow2/stack.h"
#include "qcow2/window.h"

#define SMI_QCOW2_INDEX_WINDOWS 4

struct smi_qcow2_index {
	struct smi_qcow2_window windows[SMI_QCOW2_INDEX_WINDOWS];
	uint64_t used_at[SMI_QCOW2_INDEX_WINDOWS]; /* in finds */
	uint64_t nfinds;
	bool is_awaited; /* who reads waits for single pages */
};

/*
 * smi_qcow2_index_find - the window that has a page
 * @index: zeros at first
 * @page, @end_page: what will be read; only @page is sure to be in the window
 * @last_page: the disk's end, above @page
 * @ret_window: valid until the next find
 *
 * Return: 0, or as smi_qcow2_window_load.
 */
int smi_qcow2_index_find(struct smi_qcow2_index *index,
			 struct smi_qcow2_stack *stack, uint64_t page,
			 uint64_t end_page, uint64_t last_page,
			 const struct smi_qcow2_window **ret_window,
			 struct smudge_error *err);
void smi_qcow2_index_unload(struct smi_qcow2_index *index);

#endif
