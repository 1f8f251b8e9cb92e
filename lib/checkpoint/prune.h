/* SPDX-License-Identifier: MIT */
/*
 * Pruning an open folder, for who has its lock.
 */
#ifndef LIB_CHECKPOINT_PRUNE_H
#define LIB_CHECKPOINT_PRUNE_H

#include <smudge/prune.h>

#include "checkpoint/prune_tree.h"

/* Who writes layers into the folder meanwhile; all zeros but next_parent. */
struct smi_prune_writer {
	uint64_t next_parent; /* as in smi_prune_plan_fates */
	/*
	 * The @nlayers below layer @into are in it now, which has another file.
	 * May be NULL.
	 */
	void (*merged)(void *opaque, const struct smi_prune_tree *tree,
		       size_t into, size_t nlayers);
	void *opaque;
};

/* Return: 0, -EINVAL, -E2BIG. */
int smi_prune_options_copy(struct smudge_prune_options *ret_options,
			   const struct smudge_prune_options *options,
			   struct smudge_error *err);

/*
 * smi_prune_folder - decide, remove and merge
 * @ret_result: written in any case
 * Return: as smudge_layers_prune.
 */
int smi_prune_folder(int folder_fd, const struct smudge_prune_options *options,
		     const struct smi_prune_writer *writer,
		     struct smudge_prune_result *ret_result,
		     struct smudge_error *err);

/* Return: 0, -EINVAL (it is too short). */
int smi_prune_result_copy(struct smudge_prune_result *to,
			  const struct smudge_prune_result *from,
			  struct smudge_error *err);

#endif
