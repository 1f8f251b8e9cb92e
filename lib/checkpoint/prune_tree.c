/* SPDX-License-Identifier: MIT */
/*
 * Heads of layers, each read by itself: the backing file of one that is
 * of no use any more may be gone.
 */
#include "checkpoint/prune_tree.h"

#include <errno.h>
#include <stdlib.h>

#include "checkpoint/chain.h"
#include "checkpoint/in_place.h"
#include "qcow2/backing.h"
#include "qcow2/image.h"

#define WHERE "prune"

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE,
				"no memory for a list of layers");
}

void smi_prune_tree_clear(struct smi_prune_tree *tree)
{
	free(tree->layers);
	*tree = (struct smi_prune_tree){.folder_fd = -1};
}

size_t smi_prune_tree_find(const struct smi_prune_tree *tree, uint64_t number)
{
	size_t first = 0, end = tree->n;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (tree->layers[middle].number < number)
			first = middle + 1;
		else
			end = middle;
	}
	return first < tree->n && tree->layers[first].number == number
		       ? first
		       : tree->n;
}

bool smi_prune_tree_stands_on(const struct smi_prune_tree *tree, size_t above,
			      size_t below)
{
	/* A chain that returns to itself has an end here, too. */
	for (size_t i = 0; i <= tree->n && SMI_PRUNE_IS_LAYER(above); i++) {
		if (above == below)
			return true;
		above = tree->layers[above].below;
	}
	return false;
}

static int read_whole_chain(int folder_fd, const char *name,
			    struct smi_layer *ret_layer,
			    struct smudge_error *err)
{
	struct smi_qcow2_chain *images;
	int ret = smi_qcow2_chain_open(folder_fd, name, &images, err);

	if (ret < 0)
		return ret;
	ret = smi_chain_layer(images, 0, ret_layer, err);
	smi_qcow2_chain_close(images);
	return ret;
}

/* What tools left of a layer may show its tail from below. */
static int read_layer(int folder_fd, struct smi_qcow2_image *image,
		      bool has_backing, struct smi_layer *ret_layer,
		      struct smudge_error *err)
{
	const struct smi_qcow2_chain alone = {
		.folder_fd = folder_fd, .nimages = 1, .images = image};
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = smi_chain_layer(&alone, 0, ret_layer, &own);

	if (has_backing && (ret == -ENODATA || ret == -EBADMSG))
		return read_whole_chain(folder_fd, image->name, ret_layer, err);
	if (ret < 0)
		return smudge_error_set(err, ret, own.where, "%s", own.message);
	return 0;
}

/*
 * The number of the layer that a backing file is, 0 for one of another name.
 * Return: 1, 0 (none), -errno.
 */
static int number_below(int folder_fd, const char *name, char *backing,
			uint64_t *ret_number, struct smudge_error *err)
{
	const char *backing_name;
	int ret;

	if (!backing[0])
		return 0;
	ret = smi_qcow2_backing_resolve(folder_fd, name, backing, &backing_name,
					err);
	if (ret < 0)
		return ret;
	*ret_number = smi_folder_number(backing_name);
	return 1;
}

/* below becomes an index when all layers are known. */
static int read_head(struct smi_prune_tree *tree, struct smi_prune_layer *layer,
		     uint64_t *ret_below, struct smudge_error *err)
{
	char backing[SMI_QCOW2_MAX_BACKING_NAME_BYTES + 1];
	struct smi_qcow2_image image;
	struct smi_layer decoded = {0};
	int ret = smi_qcow2_image_load(tree->folder_fd, layer->name, &image,
				       backing, err);

	if (ret < 0)
		return ret;
	ret = read_layer(tree->folder_fd, &image, backing[0], &decoded, err);
	if (!ret)
		ret = number_below(tree->folder_fd, layer->name, backing,
				   ret_below, err);
	if (ret >= 0) {
		layer->file_bytes = image.file_bytes;
		layer->time_ns = decoded.stats.time_ns;
		layer->digest = decoded.digest;
		layer->has_parent = decoded.has_parent;
		layer->parent = decoded.parent;
		layer->below = ret ? SMI_PRUNE_MISSING : SMI_PRUNE_NOTHING;
	}
	smi_layer_clear(&decoded);
	free(image.name);
	return ret < 0 ? ret : 0;
}

/* @below: number; 0 where the backing file is no layer by its name */
static void find_below(struct smi_prune_tree *tree,
		       struct smi_prune_layer *layer, uint64_t below)
{
	const struct smi_prune_layer *parent;
	size_t index = smi_prune_tree_find(tree, below);

	if (layer->below == SMI_PRUNE_NOTHING)
		return;
	if (!below)
		layer->below = SMI_PRUNE_ELSEWHERE;
	if (index == tree->n)
		return;
	layer->below = index;
	parent = &tree->layers[index];
	layer->is_parent_other =
		!layer->has_parent ||
		!smi_qcow2_digest_is_equal(layer->parent, parent->digest);
}

static int read_heads(struct smi_prune_tree *tree, uint64_t *numbers_below,
		      struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < tree->n && !ret; i++) {
		struct smi_prune_layer *layer = &tree->layers[i];

		smi_folder_name(layer->number, layer->name);
		layer->stamp = smi_stamp_of(tree->folder_fd, layer->name);
		ret = read_head(tree, layer, &numbers_below[i], err);
	}
	for (size_t i = 0; i < tree->n && !ret; i++)
		find_below(tree, &tree->layers[i], numbers_below[i]);
	return ret;
}

/* An image of another name keeps the layer that it stands on. */
static int look_at_other(void *opaque, const char *name)
{
	struct smi_prune_tree *tree = opaque;
	char backing[SMI_QCOW2_MAX_BACKING_NAME_BYTES + 1];
	struct smudge_error ignored = SMUDGE_ERROR_INIT;
	struct smi_qcow2_image image;
	uint64_t number = 0;
	size_t index;

	if (smi_qcow2_image_load(tree->folder_fd, name, &image, backing,
				 &ignored) < 0)
		return 0;
	if (number_below(tree->folder_fd, name, backing, &number, &ignored) >
	    0) {
		index = smi_prune_tree_find(tree, number);
		if (index < tree->n)
			tree->layers[index].is_backing = true;
	}
	free(image.name);
	return 0;
}

int smi_prune_tree_read(int folder_fd, struct smi_prune_tree *tree,
			struct smudge_error *err)
{
	uint64_t *numbers = NULL, *below;
	size_t n = 0;
	int ret = smi_folder_list(folder_fd, &numbers, &n, err);

	*tree = (struct smi_prune_tree){.folder_fd = folder_fd, .n = n};
	if (ret < 0)
		return ret;
	tree->layers = calloc(n + 1, sizeof(*tree->layers));
	below = calloc(n + 1, sizeof(*below));
	if (!tree->layers || !below)
		ret = no_memory(err);
	for (size_t i = 0; i < n && !ret; i++)
		tree->layers[i].number = numbers[i];
	if (!ret)
		ret = read_heads(tree, below, err);
	if (!ret)
		ret = smi_folder_each_other(folder_fd, look_at_other, tree,
					    err);
	free(numbers);
	free(below);
	return ret;
}
