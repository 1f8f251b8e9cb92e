/* SPDX-License-Identifier: MIT */
/*
 * The pages that the first images of a chain hold for its layer, read and
 * compared with their digests: what is merged, and what was.
 */
#ifndef LIB_CHECKPOINT_PRUNE_PAGES_H
#define LIB_CHECKPOINT_PRUNE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>

#include "checkpoint/chain.h"

/* Runs of pages of the disk. They return 0, or a failure with its sentence. */
struct smi_prune_visitor {
	int (*zeros)(void *opaque, uint64_t first_page, uint64_t npages,
		     struct smudge_error *err);
	/* @bytes: valid until settle is called, here and below */
	int (*data)(void *opaque, uint64_t first_page, uint64_t npages,
		    const void *bytes, struct smudge_error *err);
	/* One page that is compressed, as smi_qcow2_writer_packed takes it. */
	int (*packed)(void *opaque, uint64_t page, const void *bytes,
		      size_t length, struct smudge_error *err);
	/*
	 * So many pages of data were visited since the last call: their bytes
	 * are not used any more when it returns. Also after a failure.
	 */
	int (*settle)(void *opaque, uint64_t npages, struct smudge_error *err);
	void *opaque;
};

struct smi_prune_pages {
	/* Images from the first one on; pages that only others have are left
	   out. */
	size_t depth;
	bool is_all;	       /* as in smi_prune_ranges */
	bool is_unpacked;      /* none comes compressed */
	unsigned int nthreads; /* that compare digests; 0: processors, max 8 */
};

/*
 * smi_prune_pages_each - visit them in ascending order, but for the footer
 * @ret_sum: receives the sum of the digests of all pages that were visited
 *
 * Return: 0, -EBADMSG (the sentence names the image, region and page), -ENOMEM,
 * -EAGAIN (no thread), what the visitor returned, or as smi_qcow2_reader_read.
 */
int smi_prune_pages_each(struct smudge_chain *chain,
			 const struct smi_prune_pages *which,
			 const struct smi_prune_visitor *visitor,
			 struct smi_qcow2_digest *ret_sum,
			 struct smudge_error *err);

#endif
