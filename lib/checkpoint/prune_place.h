/* SPDX-License-Identifier: MIT */
/*
 * Changing the names of a folder, each so that a crash before or after it
 * leaves every layer readable, and none under a reader.
 */
#ifndef LIB_CHECKPOINT_PRUNE_PLACE_H
#define LIB_CHECKPOINT_PRUNE_PLACE_H

#include <smudge/error.h>

#include "checkpoint/folder.h"
#include "checkpoint/prune_plan.h"

/*
 * smi_prune_replace - put a merged layer in place of the one that it was
 * @file: of smi_prune_merge; gone afterwards, also after a failure
 *
 * Then the tree is as the folder: the layer stands on what is below the run.
 * Return: 1, 0 (a reader needs the file: nothing changed), -ESTALE (another
 * program changed a file meanwhile: the sentence names it), or as
 * smi_folder_replace.
 */
int smi_prune_replace(struct smi_prune_tree *tree,
		      const struct smi_prune_run *run,
		      struct smi_folder_file *file, struct smudge_error *err);

/*
 * smi_prune_remove - remove a layer on which none of the tree stands any more
 * Return: 1, 0 (a reader needs it, or a layer that stands on it is still
 * there), -ESTALE, or that of unlink(2), fsync(2).
 */
int smi_prune_remove(struct smi_prune_tree *tree, size_t index,
		     struct smudge_error *err);

#endif
