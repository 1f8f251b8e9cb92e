/* SPDX-License-Identifier: MIT */
/*
 * The layers of a folder and what each stands on: several chains, since tools
 * may put layers on others.
 */
#ifndef LIB_CHECKPOINT_PRUNE_TREE_H
#define LIB_CHECKPOINT_PRUNE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smudge/error.h>
#include <smudge/prune.h>

#include "checkpoint/checkpointer_objects.h"
#include "checkpoint/folder.h"
#include "qcow2/digest.h"

/* What a layer stands on, if it is none of the tree's. */
#define SMI_PRUNE_NOTHING	  SIZE_MAX	 /* it is full */
#define SMI_PRUNE_MISSING	  (SIZE_MAX - 1) /* a file that is not there */
#define SMI_PRUNE_ELSEWHERE	  (SIZE_MAX - 2) /* an image of another name */
#define SMI_PRUNE_IS_LAYER(below) ((below) < SMI_PRUNE_ELSEWHERE)

struct smi_prune_layer {
	uint64_t number;
	char name[SMI_FOLDER_NAME_BYTES];
	struct smi_stamp stamp; /* of the file that was looked at */
	uint64_t file_bytes;
	uint64_t time_ns;
	size_t below;	      /* index, or SMI_PRUNE_... */
	bool is_parent_other; /* it was made on another moment */
	bool is_backing;      /* an image of another name stands on it */
	struct smi_qcow2_digest digest;
	bool has_parent;
	struct smi_qcow2_digest parent;

	/* prune_fates.c's, and what prunes. */
	bool is_kept;	/* wanted by the options, or needed otherwise */
	bool is_needed; /* kept, or under one that is */
	bool is_held;	/* a reader needs the file as it is */
	bool needs_all; /* layers on it may show any page of its disk */
	size_t nabove;	/* needed layers that stand on it */
	enum smudge_prune_fate fate;
	size_t merged_into; /* index; of MERGED */
	bool is_rewritten;
	bool is_gone; /* removed by now */
};

struct smi_prune_tree {
	int folder_fd;			/* borrowed */
	struct smi_prune_layer *layers; /* in ascending numbers */
	size_t n;
};

/*
 * smi_prune_tree_read - look at all layers, and at images of other names
 * @tree: cleared by the caller, also after a failure
 *
 * Reads each layer's own head and tail.
 * Return: 0, as smi_folder_list, or as smi_chain_layer if a layer cannot be
 * read.
 */
int smi_prune_tree_read(int folder_fd, struct smi_prune_tree *tree,
			struct smudge_error *err);
void smi_prune_tree_clear(struct smi_prune_tree *tree);

/* The index of a layer; tree->n if there is none of that number. */
size_t smi_prune_tree_find(const struct smi_prune_tree *tree, uint64_t number);

/* Does layer @above stand on @below, or is it? Both are indices. */
bool smi_prune_tree_stands_on(const struct smi_prune_tree *tree, size_t above,
			      size_t below);

#endif
