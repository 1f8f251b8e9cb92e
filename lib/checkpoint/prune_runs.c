/* SPDX-License-Identifier: MIT */
/*
 * Runs of layers that are merged at once, and whether it pays.
 *
 * What a merge frees of a file is estimated: the share of its pages that the
 * merged layer does not show, of the file's bytes.
 */
#include <errno.h>
#include <stdlib.h>

#include "checkpoint/chain.h"
#include "checkpoint/prune_plan.h"
#include "checkpoint/prune_ranges.h"

#define WHERE "prune"

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE,
				"no memory to plan what is merged");
}

size_t smi_prune_run_layer(const struct smi_prune_tree *tree,
			   const struct smi_prune_run *run, size_t n)
{
	size_t index = run->first;

	for (size_t i = 0; i < n; i++)
		index = tree->layers[index].below;
	return index;
}

/* The layers below one that are to be merged into it, and all their bytes. */
static struct smi_prune_run run_of(const struct smi_prune_tree *tree,
				   size_t into)
{
	struct smi_prune_run run = {
		.into = into,
		.first = tree->layers[into].below,
		.bytes = tree->layers[into].file_bytes,
	};
	size_t index = run.first;

	while (SMI_PRUNE_IS_LAYER(index) &&
	       tree->layers[index].fate == SMUDGE_PRUNE_WAITING) {
		run.nlayers++;
		run.bytes += tree->layers[index].file_bytes;
		index = tree->layers[index].below;
	}
	return run;
}

/* Others may be merged into it: it stays, and may be replaced. */
static bool is_target(const struct smi_prune_layer *layer)
{
	return layer->is_needed && !layer->is_held &&
	       layer->fate != SMUDGE_PRUNE_WAITING;
}

static int find_runs(const struct smi_prune_tree *tree,
		     struct smi_prune_run **ret_runs, size_t *ret_nruns,
		     struct smudge_error *err)
{
	struct smi_prune_run *runs = calloc(tree->n + 1, sizeof(*runs));
	size_t n = 0;

	if (!runs)
		return no_memory(err);
	for (size_t i = 0; i < tree->n; i++) {
		if (!is_target(&tree->layers[i]))
			continue;
		runs[n] = run_of(tree, i);
		n += runs[n].nlayers > 0;
	}
	*ret_runs = runs;
	*ret_nruns = n;
	return 0;
}

static int count_taken(void *opaque, const struct smi_qcow2_piece *piece)
{
	uint64_t *ntaken = opaque;

	if (piece->image != SMI_QCOW2_NOWHERE && !piece->is_zero)
		ntaken[piece->image] += piece->npages;
	return 0;
}

static int count_all(void *opaque, const struct smi_qcow2_piece *piece)
{
	uint64_t *nall = opaque;

	if (piece->image != SMI_QCOW2_NOWHERE && !piece->is_zero)
		*nall += piece->npages;
	return 0;
}

/* All pages of data that one image has. */
static int count_image(const struct smi_qcow2_chain *images, size_t image,
		       uint64_t *ret_npages, struct smudge_error *err)
{
	struct smi_qcow2_reader *reader;
	int ret = smi_qcow2_reader_create(images, image, 1, &reader, err);

	*ret_npages = 0;
	if (ret < 0)
		return ret;
	ret = smi_prune_pieces(reader, 0, smi_qcow2_chain_npages(images, image),
			       count_all, ret_npages, err);
	smi_qcow2_reader_destroy(reader);
	return ret;
}

static int measure_images(const struct smi_qcow2_chain *images,
			  const uint64_t *ntaken, struct smi_prune_run *run,
			  struct smudge_error *err)
{
	double garbage = 0;
	int ret = 0;

	for (size_t i = 0; i <= run->nlayers && !ret; i++) {
		uint64_t nall;

		ret = count_image(images, i, &nall, err);
		run->npages += ntaken[i];
		if (nall)
			garbage +=
				(double)smi_qcow2_chain_file_bytes(images, i) *
				(double)(nall - ntaken[i]) / (double)nall;
	}
	run->garbage_bytes = (uint64_t)garbage;
	return ret;
}

static int measure_chain(const struct smi_qcow2_chain *images, bool is_all,
			 struct smi_prune_run *run, struct smudge_error *err)
{
	uint64_t *ntaken = calloc(run->nlayers + 1, sizeof(*ntaken));
	struct smi_qcow2_reader *reader = NULL;
	struct smi_layer layer = {0};
	int ret = ntaken ? smi_chain_layer(images, 0, &layer, err)
			 : no_memory(err);

	if (!ret)
		ret = smi_qcow2_reader_create(images, 0, run->nlayers + 1,
					      &reader, err);
	if (!ret)
		ret = smi_prune_pieces_of(&layer, is_all, reader, count_taken,
					  ntaken, err);
	if (reader)
		smi_qcow2_reader_destroy(reader);
	if (!ret)
		ret = measure_images(images, ntaken, run, err);
	smi_layer_clear(&layer);
	free(ntaken);
	return ret;
}

static int measure(const struct smi_prune_tree *tree, struct smi_prune_run *run,
		   struct smudge_error *err)
{
	const struct smi_prune_layer *into = &tree->layers[run->into];
	struct smi_qcow2_chain *images;
	int ret =
		smi_qcow2_chain_open(tree->folder_fd, into->name, &images, err);

	if (ret < 0)
		return ret;
	ret = measure_chain(images, into->needs_all, run, err);
	smi_qcow2_chain_close(images);
	return ret;
}

/* Is @part at least so much of @all? Neither is near 2^57. */
static bool is_share(uint64_t part, uint64_t all, unsigned int percent)
{
	return part >= all / 100 * percent + all % 100 * percent / 100;
}

static uint64_t folder_bytes(const struct smi_prune_tree *tree)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < tree->n; i++)
		if (tree->layers[i].fate != SMUDGE_PRUNE_REMOVED)
			bytes += tree->layers[i].file_bytes;
	return bytes;
}

static void choose(const struct smi_prune_tree *tree, unsigned int percent,
		   struct smi_prune_run *runs, size_t nruns)
{
	uint64_t garbage = 0;

	for (size_t i = 0; i < nruns; i++)
		garbage += runs[i].garbage_bytes;
	if (!is_share(garbage, folder_bytes(tree), percent))
		return;
	for (size_t i = 0; i < nruns; i++)
		runs[i].is_chosen =
			is_share(runs[i].garbage_bytes, runs[i].bytes, percent);
}

/* If all of these files were garbage, would it be enough? */
static bool may_be_enough(const struct smi_prune_tree *tree,
			  unsigned int percent,
			  const struct smi_prune_run *runs, size_t nruns)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < nruns; i++)
		bytes += runs[i].bytes;
	return nruns && is_share(bytes, folder_bytes(tree), percent);
}

int smi_prune_plan_runs(const struct smi_prune_tree *tree,
			unsigned int garbage_percent,
			struct smi_prune_run **ret_runs, size_t *ret_nruns,
			struct smudge_error *err)
{
	struct smi_prune_run *runs = NULL;
	size_t n = 0;
	int ret = find_runs(tree, &runs, &n, err);

	if (ret < 0)
		return ret;
	if (may_be_enough(tree, garbage_percent, runs, n)) {
		for (size_t i = 0; i < n && !ret; i++)
			ret = measure(tree, &runs[i], err);
		choose(tree, garbage_percent, runs, n);
	}
	if (ret < 0) {
		free(runs);
		return ret;
	}
	*ret_runs = runs;
	*ret_nruns = n;
	return 0;
}
