/* SPDX-License-Identifier: MIT */
/*
 * What is to become of each layer, and which runs of layers are merged at once.
 */
#ifndef LIB_CHECKPOINT_PRUNE_PLAN_H
#define LIB_CHECKPOINT_PRUNE_PLAN_H

#include <smudge/error.h>
#include <smudge/prune.h>

#include "checkpoint/prune_policy.h"
#include "checkpoint/prune_tree.h"

/*
 * smi_prune_plan_fates - decide on each layer: is_kept to fate
 * @next_parent: number of a layer on which more will stand, kept with all above
 *	it; UINT64_MAX: none
 *
 * Readers of the folder are asked for. A layer that is to be merged has WAITING
 * until that is done; one that is to be removed has REMOVED.
 * Return: 0, -ENOMEM; or a layer that is to be kept has no whole chain: as
 * smi_qcow2_chain_open.
 */
int smi_prune_plan_fates(struct smi_prune_tree *tree,
			 const struct smi_prune_policy *policy,
			 uint64_t next_parent, struct smudge_error *err);

/* A layer, and those below it that are merged into it. */
struct smi_prune_run {
	size_t into;		/* index */
	size_t first;		/* index of the one below it */
	size_t nlayers;		/* from there down */
	uint64_t bytes;		/* of all these files */
	uint64_t garbage_bytes; /* of them, that the merged layer does not need
				 */
	uint64_t npages;	/* that it has */
	bool is_chosen;
};

/* The @n-th layer of a run, from the first on. */
size_t smi_prune_run_layer(const struct smi_prune_tree *tree,
			   const struct smi_prune_run *run, size_t n);

/*
 * smi_prune_plan_runs - find the runs, and choose those that are merged
 * @garbage_percent: of the folder, and of a run; 0: all are
 * @ret_runs: owned by the caller
 *
 * Reads the tables of the layers in them, where that can matter.
 * Return: 0, -ENOMEM, or as smi_qcow2_reader_piece.
 */
int smi_prune_plan_runs(const struct smi_prune_tree *tree,
			unsigned int garbage_percent,
			struct smi_prune_run **ret_runs, size_t *ret_nruns,
			struct smudge_error *err);

#endif
