/* SPDX-License-Identifier: MIT */
/*
 * Names in the folder: readers are stopped, and those that are in are looked
 * for; then the name is changed, and the folder flushed.
 */
#include "checkpoint/prune_place.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/folder_sync.h"
#include "checkpoint/in_place.h"
#include "checkpoint/readers.h"

#define WHERE "prune"

/* Has a reader the layer open, or one that stands on it? */
static bool is_seen(const struct smi_prune_tree *tree, size_t index)
{
	/* Later layers than those of the tree may stand on it. */
	if (smi_readers_are_above(tree->folder_fd,
				  tree->layers[tree->n - 1].number))
		return true;
	for (size_t i = 0; i < tree->n; i++)
		if (!tree->layers[i].is_gone &&
		    smi_prune_tree_stands_on(tree, i, index) &&
		    smi_readers_are_in(tree->folder_fd, tree->layers[i].number))
			return true;
	return false;
}

/* Only what was looked at is replaced or removed. */
static int check_file(const struct smi_prune_tree *tree, size_t index,
		      struct smudge_error *err)
{
	const struct smi_prune_layer *layer = &tree->layers[index];
	struct smi_stamp now = smi_stamp_of(tree->folder_fd, layer->name);

	if (smi_stamp_is_same(&now, &layer->stamp))
		return 0;
	return smudge_error_set(err, -ESTALE, WHERE,
				"%.40s was changed by another program "
				"meanwhile, and is left as it is",
				layer->name);
}

/* All that was merged, and what the merged layer is to stand on. */
static int check_run(const struct smi_prune_tree *tree,
		     const struct smi_prune_run *run, struct smudge_error *err)
{
	size_t index = run->into;
	int ret = 0;

	for (size_t i = 0; i <= run->nlayers + 1 && !ret; i++) {
		if (!SMI_PRUNE_IS_LAYER(index))
			break;
		ret = check_file(tree, index, err);
		index = tree->layers[index].below;
	}
	return ret;
}

static void note_replaced(struct smi_prune_tree *tree,
			  const struct smi_prune_run *run)
{
	struct smi_prune_layer *into = &tree->layers[run->into];
	size_t last = smi_prune_run_layer(tree, run, run->nlayers - 1);

	into->below = tree->layers[last].below;
	into->stamp = smi_stamp_of(tree->folder_fd, into->name);
	into->is_rewritten = true;
}

static int replace(struct smi_prune_tree *tree, const struct smi_prune_run *run,
		   struct smi_folder_file *file, struct smudge_error *err)
{
	bool is_named;
	int ret;

	if (is_seen(tree, run->into))
		return 0;
	ret = check_run(tree, run, err);
	if (ret < 0)
		return ret;
	ret = smi_folder_replace(file, tree->layers[run->into].name, &is_named,
				 err);
	if (is_named)
		note_replaced(tree, run);
	return ret ? ret : 1;
}

int smi_prune_replace(struct smi_prune_tree *tree,
		      const struct smi_prune_run *run,
		      struct smi_folder_file *file, struct smudge_error *err)
{
	int ret;

	smi_readers_stop(tree->folder_fd);
	ret = replace(tree, run, file, err);
	smi_readers_resume(tree->folder_fd);
	smi_folder_drop(file);
	return ret;
}

static bool has_layers_on_it(const struct smi_prune_tree *tree, size_t index)
{
	for (size_t i = 0; i < tree->n; i++)
		if (tree->layers[i].below == index && !tree->layers[i].is_gone)
			return true;
	return false;
}

static int remove_name(const struct smi_prune_tree *tree, const char *name,
		       struct smudge_error *err)
{
	int ret = 0;

	if (unlinkat(tree->folder_fd, name, 0) < 0 ||
	    smi_folder_sync(tree->folder_fd) < 0)
		ret = -errno;
	return ret < 0 ? smudge_error_set(err, ret, WHERE,
					  "%.40s cannot be removed: %s", name,
					  strerror(-ret))
		       : 1;
}

static int remove_layer(struct smi_prune_tree *tree, size_t index,
			struct smudge_error *err)
{
	struct smi_prune_layer *layer = &tree->layers[index];
	int ret;

	if (smi_readers_are_in(tree->folder_fd, layer->number))
		return 0;
	ret = check_file(tree, index, err);
	if (!ret)
		ret = remove_name(tree, layer->name, err);
	layer->is_gone = ret > 0;
	return ret;
}

int smi_prune_remove(struct smi_prune_tree *tree, size_t index,
		     struct smudge_error *err)
{
	int ret;

	if (has_layers_on_it(tree, index))
		return 0;
	smi_readers_stop(tree->folder_fd);
	ret = remove_layer(tree, index, err);
	smi_readers_resume(tree->folder_fd);
	return ret;
}
