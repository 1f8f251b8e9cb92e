/* SPDX-License-Identifier: MIT */
/*
 * Telling the program that a moment is on stable storage.
 */
#ifndef LIB_CHECKPOINT_COMMITTED_H
#define LIB_CHECKPOINT_COMMITTED_H

#include <smudge/error.h>
#include <smudge/layers.h>

struct smudge_checkpointer;

/*
 * smi_committed - call committed, if there is one, for at most its deadline
 * Return: 0, what it returned, or -ETIMEDOUT, -ECANCELED, -ENOMEM.
 */
int smi_committed(struct smudge_checkpointer *cp,
		  const struct smudge_layer_info *info,
		  struct smudge_error *err);

#endif
