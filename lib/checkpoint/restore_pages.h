/* SPDX-License-Identifier: MIT */
/*
 * One part of a layer, brought into memory.
 */
#ifndef LIB_CHECKPOINT_RESTORE_PAGES_H
#define LIB_CHECKPOINT_RESTORE_PAGES_H

#include <stdbool.h>

#include <smudge/memory.h>

#include "checkpoint/page_reader.h"

/*
 * smi_restore_part - bring pages into a region
 * @part: at most SMI_PART_PAGES
 * @buffer: room for SMI_READ_PAGES
 * @is_zeroed: the memory is zeros: what is to be zeros is left alone
 *
 * Return: 0, or as smi_page_reader_pages; then the pages hold anything.
 */
int smi_restore_part(struct smudge_region *region, bool is_zeroed,
		     struct smi_page_reader *reader,
		     const struct smi_part *part, void *buffer,
		     struct smudge_error *err);

/*
 * smi_restore_zeros - make pages of 4 KiB zeros, by holes where that is
 *	possible
 */
void smi_restore_zeros(struct smudge_region *region, uint64_t first_page,
		       uint64_t npages);

#endif
