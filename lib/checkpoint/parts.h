/* SPDX-License-Identifier: MIT */
/*
 * All pages of a layer's regions, worked through in several threads.
 */
#ifndef LIB_CHECKPOINT_PARTS_H
#define LIB_CHECKPOINT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/page_reader.h"

struct smi_parts {
	struct smudge_chain *chain;
	const bool *is_left_out; /* for each region of the layer; NULL: none */
	unsigned int nthreads;	 /* 0: as many as processors, at most 8 */
	/* As in smudge_chain_verify; may be NULL. */
	int (*progress)(void *opaque, uint64_t done_bytes,
			uint64_t total_bytes);
	void *progress_opaque;
	/*
	 * Called by the threads, several at once, for each page once.
	 * @are_zeros: the pages have no digests and are zeros, as far as that
	 *	shows without reading; the part has any length. Else it has at
	 *	most SMI_PART_PAGES; @buffer has room for SMI_READ_PAGES
	 * It returns 0, or a failure with its sentence, which ends the work.
	 */
	int (*work)(void *opaque, struct smi_page_reader *reader, void *buffer,
		    const struct smi_part *part, bool are_zeros,
		    struct smudge_error *err);
	void *opaque;
};

/*
 * smi_parts_each - call work for all parts
 *
 * Starts threads, and ends them; works alone where none can be started.
 * Return: 0, -ECANCELED (by progress), -ENOMEM, what work returned, or as
 * smi_qcow2_reader_read.
 */
int smi_parts_each(const struct smi_parts *parts, struct smudge_error *err);

#endif
