/* SPDX-License-Identifier: MIT */
/*
 * Comparing the pages of one region at two moments.
 *
 * Pages at the same place of the disk have the same seed: their digests are
 * compared. At different places only zeros can be compared by digest, and other
 * pages are read.
 */
#ifndef LIB_CHECKPOINT_DIFF_PART_H
#define LIB_CHECKPOINT_DIFF_PART_H

#include "checkpoint/chain.h"
#include "checkpoint/page_reader.h"

struct smi_diff_sides {
	struct smudge_chain *from, *to;
	struct smi_page_reader *from_reader, *to_reader;
	uint8_t *from_bytes, *to_bytes; /* NULL until pages are read */
	/* What was compared last: pages of 4 KiB of region @region of @to. */
	bool is_known;
	size_t region;
	uint64_t first_page, npages;
	uint8_t differs[SMI_READ_PAGES]; /* 0 or 1 each */
};

int smi_diff_open(struct smi_diff_sides *sides, struct smudge_chain *from,
		  struct smudge_chain *to, struct smudge_error *err);
void smi_diff_close(struct smi_diff_sides *sides);

/*
 * smi_diff_next - the next run of pages that are all the same, or all differ
 * @from, @to: the region's index in each layer
 * @page: in pages of 4 KiB; advanced to the run's end
 * Return: 0, or as smi_page_reader_pages.
 */
int smi_diff_next(struct smi_diff_sides *sides, size_t from, size_t to,
		  uint64_t *page, uint64_t end_page, bool *ret_differs,
		  struct smudge_error *err);

#endif
