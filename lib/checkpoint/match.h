/* SPDX-License-Identifier: MIT */
/*
 * Which region of a memory is which of a layer that is to be restored.
 */
#ifndef LIB_CHECKPOINT_MATCH_H
#define LIB_CHECKPOINT_MATCH_H

#include <stdbool.h>

#include <smudge/memory.h>

#include "checkpoint/layer.h"

struct smi_match {
	struct smudge_region **held; /* those to restore */
	size_t nheld;
	struct smudge_region **regions; /* for each of the layer, or NULL */
	bool *is_left_out;		/* for each of the layer */
};

/*
 * smi_match_open - hold the regions to restore, and find them in the layer
 * @chosen, @nchosen: the caller's choice; none: all of the memory, and the
 *	layer has no more
 *
 * Closed by smi_match_close, also after a failure.
 * Return: 0, -ENOENT (a region is missing, here or there), -ERANGE (another
 * size, gpa or page size), -EOPNOTSUPP (a region without hva), -ENOMEM.
 */
int smi_match_open(struct smi_match *match, struct smudge_memory *memory,
		   const struct smi_layer *layer,
		   struct smudge_region *const *chosen, size_t nchosen,
		   struct smudge_error *err);
void smi_match_close(struct smi_match *match);

/* The clients know nothing of what a restore does; all of it is dirty. */
void smi_match_mark(const struct smi_match *match);

#endif
