/* SPDX-License-Identifier: MIT */
/*
 * Which layers are wanted, which are needed by those, and which may be touched.
 */
#include <errno.h>
#include <stdlib.h>

#include "checkpoint/prune_plan.h"
#include "checkpoint/readers.h"
#include "qcow2/chain.h"

#define WHERE "prune"

static int apply_policy(struct smi_prune_tree *tree,
			const struct smi_prune_policy *policy,
			struct smudge_error *err)
{
	struct smi_prune_moment *moments =
		calloc(tree->n + 1, sizeof(*moments));
	int ret = moments ? 0 : -ENOMEM;

	for (size_t i = 0; !ret && i < tree->n; i++) {
		moments[i].number = tree->layers[i].number;
		moments[i].time_ns = tree->layers[i].time_ns;
	}
	if (!ret)
		ret = smi_prune_policy_apply(policy, moments, tree->n);
	for (size_t i = 0; !ret && i < tree->n; i++)
		tree->layers[i].is_kept = moments[i].is_kept;
	free(moments);
	return ret ? smudge_error_set(err, ret, WHERE,
				      "no memory for a list of moments")
		   : 0;
}

/* The layer has a reader, who sees all that it stands on. */
static void hold(struct smi_prune_tree *tree, size_t index)
{
	while (SMI_PRUNE_IS_LAYER(index) && !tree->layers[index].is_held) {
		tree->layers[index].is_held = true;
		index = tree->layers[index].below;
	}
}

/* What stands here was made by a tool that looked at the whole disk. */
static void need_all(struct smi_prune_tree *tree, size_t index)
{
	while (SMI_PRUNE_IS_LAYER(index) && !tree->layers[index].needs_all) {
		tree->layers[index].needs_all = true;
		index = tree->layers[index].below;
	}
}

static void need(struct smi_prune_tree *tree, size_t index)
{
	while (SMI_PRUNE_IS_LAYER(index) && !tree->layers[index].is_needed) {
		struct smi_prune_layer *layer = &tree->layers[index];

		layer->is_needed = true;
		index = layer->below;
		if (SMI_PRUNE_IS_LAYER(index))
			tree->layers[index].nabove++;
	}
}

static enum smudge_prune_fate fate_of(const struct smi_prune_layer *layer)
{
	if (layer->is_kept)
		return SMUDGE_PRUNE_KEPT;
	if (!layer->is_needed)
		return SMUDGE_PRUNE_REMOVED;
	/* On an image of another name nothing is merged. */
	if (layer->is_held || layer->is_backing ||
	    layer->below == SMI_PRUNE_ELSEWHERE)
		return SMUDGE_PRUNE_READ;
	return layer->nabove > 1 ? SMUDGE_PRUNE_SHARED : SMUDGE_PRUNE_WAITING;
}

static void find_needs(struct smi_prune_tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct smi_prune_layer *layer = &tree->layers[i];
		bool is_read =
			smi_readers_are_in(tree->folder_fd, layer->number);

		if (is_read)
			hold(tree, i);
		if (layer->is_parent_other || layer->is_backing)
			need_all(tree, i);
		if (layer->is_kept || layer->is_backing || is_read)
			need(tree, i);
	}
}

/* Does its chain have an end? */
static bool is_whole(const struct smi_prune_tree *tree, size_t index)
{
	for (size_t i = 0; i <= tree->n && SMI_PRUNE_IS_LAYER(index); i++)
		index = tree->layers[index].below;
	return index == SMI_PRUNE_NOTHING;
}

static int check_chain(const struct smi_prune_tree *tree, size_t index,
		       struct smudge_error *err)
{
	struct smi_qcow2_chain *images;
	int ret;

	if (is_whole(tree, index))
		return 0;
	ret = smi_qcow2_chain_open(tree->folder_fd, tree->layers[index].name,
				   &images, err);
	if (!ret)
		smi_qcow2_chain_close(images);
	return ret;
}

int smi_prune_plan_fates(struct smi_prune_tree *tree,
			 const struct smi_prune_policy *policy,
			 uint64_t next_parent, struct smudge_error *err)
{
	int ret = apply_policy(tree, policy, err);

	for (size_t i = 0; i < tree->n && !ret; i++) {
		tree->layers[i].is_kept |=
			tree->layers[i].number >= next_parent;
		if (tree->layers[i].is_kept)
			ret = check_chain(tree, i, err);
	}
	if (ret < 0)
		return ret;
	find_needs(tree);
	for (size_t i = 0; i < tree->n; i++)
		tree->layers[i].fate = fate_of(&tree->layers[i]);
	return 0;
}
