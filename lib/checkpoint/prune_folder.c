/* SPDX-License-Identifier: MIT */
/*
 * The order of pruning: what is of no use to others first, which makes room;
 * then one run of layers after the other is merged, put in place, and removed
 * from the top down.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/folder_sync.h"
#include "checkpoint/prune.h"
#include "checkpoint/prune_merge.h"
#include "checkpoint/prune_place.h"
#include "checkpoint/prune_plan.h"
#include "qcow2/format.h"
#include "sys/error.h"

#define WHERE "prune"

#define DEFAULT_GARBAGE_PERCENT 25

struct pruning {
	const struct smudge_prune_options *options;
	const struct smi_prune_writer *writer;
	struct smi_prune_tree tree;
	struct smi_prune_run *runs;
	size_t nruns;
	uint64_t done_pages, total_pages; /* read twice: before and after */
	uint64_t written_bytes;
	uint64_t freed_bytes; /* by merging, as it was estimated */
};

/* Everything counts that was done, and with dry_run what would be. */
static bool is_done(const struct pruning *p, const struct smi_prune_layer *l)
{
	return l->is_gone || p->options->dry_run;
}

static void count_layer(const struct pruning *p,
			const struct smi_prune_layer *layer,
			struct smudge_prune_result *result)
{
	result->before_bytes += layer->file_bytes;
	result->rewritten += layer->is_rewritten;
	if (layer->fate == SMUDGE_PRUNE_WAITING) {
		result->waiting++;
		result->waiting_bytes += layer->file_bytes;
	}
	if (layer->fate == SMUDGE_PRUNE_READ)
		result->in_use++;
	if (layer->is_held)
		result->in_use_number = layer->number;
	if (!is_done(p, layer))
		return;
	result->removed += layer->fate == SMUDGE_PRUNE_REMOVED;
	result->merged += layer->fate == SMUDGE_PRUNE_MERGED;
}

static void count(const struct pruning *p, struct smudge_prune_result *result)
{
	const struct smi_prune_tree *tree = &p->tree;
	uint64_t gone = 0;

	*result = (struct smudge_prune_result){
		.size = sizeof(*result),
		.layers = tree->layers ? tree->n : 0,
		.written_bytes = p->written_bytes,
	};
	for (size_t i = 0; tree->layers && i < tree->n; i++) {
		const struct smi_prune_layer *layer = &tree->layers[i];

		count_layer(p, layer, result);
		if (p->options->dry_run)
			gone += layer->fate == SMUDGE_PRUNE_REMOVED
					? layer->file_bytes
					: 0;
		else if (layer->is_gone)
			gone += layer->file_bytes;
		else if (layer->is_rewritten)
			gone += layer->file_bytes -
				(uint64_t)layer->stamp.file_bytes;
	}
	if (p->options->dry_run)
		gone += p->freed_bytes;
	result->after_bytes = result->before_bytes - gone;
}

static void report(const struct pruning *p)
{
	const struct smi_prune_tree *tree = &p->tree;

	for (size_t i = 0; p->options->pruned && i < tree->n; i++) {
		const struct smi_prune_layer *layer = &tree->layers[i];
		const struct smudge_pruned_layer pruned = {
			.size = sizeof(pruned),
			.number = layer->number,
			.time_ns = layer->time_ns,
			.file_bytes = layer->file_bytes,
			.fate = layer->fate,
			.merged_into =
				layer->fate == SMUDGE_PRUNE_MERGED
					? tree->layers[layer->merged_into]
						  .number
					: 0,
			.is_rewritten = layer->is_rewritten,
		};

		p->options->pruned(p->options->opaque, &pruned);
	}
}

static int progress(void *opaque, uint64_t npages, struct smudge_error *err)
{
	struct pruning *p = opaque;

	p->done_pages += npages;
	if (p->total_pages < p->done_pages)
		p->total_pages = p->done_pages;
	if (p->options->progress &&
	    p->options->progress(p->options->opaque,
				 p->done_pages * SMI_QCOW2_PAGE_BYTES,
				 p->total_pages * SMI_QCOW2_PAGE_BYTES))
		return smudge_error_set(err, -ECANCELED, WHERE, "cancelled");
	return 0;
}

/* A reader, or what stands on it, keeps the layer. */
static int remove_one(struct pruning *p, size_t index, struct smudge_error *err)
{
	int ret = smi_prune_remove(&p->tree, index, err);

	if (!ret) {
		p->tree.layers[index].fate = SMUDGE_PRUNE_READ;
		p->tree.layers[index].is_held = true;
	}
	return ret < 0 ? ret : progress(p, 0, err);
}

/* An unneeded layer, on which none stands that is still there. */
static bool is_removable(const struct pruning *p, size_t index)
{
	const struct smi_prune_layer *layer = &p->tree.layers[index];

	if (layer->fate != SMUDGE_PRUNE_REMOVED || layer->is_gone)
		return false;
	for (size_t i = 0; i < p->tree.n; i++)
		if (p->tree.layers[i].below == index &&
		    !p->tree.layers[i].is_gone)
			return false;
	return true;
}

/* Tools may have put a layer on one of a higher number: several passes then. */
static int remove_unneeded(struct pruning *p, struct smudge_error *err)
{
	bool is_going_on = true;
	int ret = 0;

	while (is_going_on && !ret) {
		is_going_on = false;
		for (size_t i = p->tree.n; i-- > 0 && !ret;) {
			if (!is_removable(p, i))
				continue;
			ret = remove_one(p, i, err);
			is_going_on |= p->tree.layers[i].is_gone;
		}
	}
	return ret;
}

static void set_run(struct pruning *p, const struct smi_prune_run *run,
		    enum smudge_prune_fate fate)
{
	for (size_t i = 0; i < run->nlayers; i++) {
		size_t index = smi_prune_run_layer(&p->tree, run, i);

		p->tree.layers[index].fate = fate;
		p->tree.layers[index].merged_into = run->into;
		p->tree.layers[index].is_held |= fate == SMUDGE_PRUNE_READ;
	}
}

static int remove_run(struct pruning *p, const struct smi_prune_run *run,
		      struct smudge_error *err)
{
	int ret = 0;

	set_run(p, run, SMUDGE_PRUNE_MERGED);
	if (p->writer->merged)
		p->writer->merged(p->writer->opaque, &p->tree, run->into,
				  run->nlayers);
	for (size_t i = 0; i < run->nlayers && !ret; i++)
		ret = remove_one(p, smi_prune_run_layer(&p->tree, run, i), err);
	return ret;
}

static int merge(struct pruning *p, const struct smi_prune_run *run,
		 struct smi_folder_file *ret_file, uint64_t *ret_file_bytes,
		 struct smudge_error *err)
{
	const struct smi_prune_layer *into = &p->tree.layers[run->into];
	const struct smi_prune_merge options = {
		.folder_fd = p->tree.folder_fd,
		.name = into->name,
		.depth = run->nlayers + 1,
		.is_all = into->needs_all,
		.uncompressed = p->options->uncompressed,
		.nthreads = p->options->nthreads,
		.progress = progress,
		.opaque = p,
	};

	return smi_prune_merge(&options, ret_file, ret_file_bytes, err);
}

/* What fails in writing says nothing of which layer it was for. */
static void name_layer(const struct smi_prune_layer *layer,
		       const struct smudge_error *own, struct smudge_error *err)
{
	if (own->code == -ECANCELED) {
		smi_sys_error_keep(err, own);
		return;
	}
	smudge_error_set(err, own->code, own->where,
			 "what %.40s stands on is not merged into it: %s",
			 layer->name, own->message);
	smudge_error_at(err, own->region, own->page);
}

static int merge_run(struct pruning *p, const struct smi_prune_run *run,
		     struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smi_folder_file file;
	uint64_t file_bytes;
	int ret = merge(p, run, &file, &file_bytes, &own);

	if (!ret)
		ret = smi_prune_replace(&p->tree, run, &file, &own);
	if (ret < 0)
		name_layer(&p->tree.layers[run->into], &own, err);
	if (!ret)
		set_run(p, run, SMUDGE_PRUNE_READ);
	if (ret <= 0)
		return ret;
	p->written_bytes += file_bytes;
	return remove_run(p, run, err);
}

static void pretend(struct pruning *p, const struct smi_prune_run *run)
{
	set_run(p, run, SMUDGE_PRUNE_MERGED);
	p->tree.layers[run->into].is_rewritten = true;
	p->written_bytes += run->bytes - run->garbage_bytes;
	p->freed_bytes += run->garbage_bytes;
}

static int merge_runs(struct pruning *p, struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < p->nruns; i++)
		if (p->runs[i].is_chosen)
			p->total_pages += 2 * p->runs[i].npages;
	for (size_t i = 0; i < p->nruns && !ret; i++) {
		if (!p->runs[i].is_chosen)
			continue;
		if (p->options->dry_run)
			pretend(p, &p->runs[i]);
		else
			ret = merge_run(p, &p->runs[i], err);
	}
	return ret;
}

static unsigned int garbage_percent(const struct smudge_prune_options *options)
{
	if (options->merge_all)
		return 0;
	return options->garbage_percent ? options->garbage_percent
					: DEFAULT_GARBAGE_PERCENT;
}

/* A name that an earlier call changed may not be on the disk. */
static int flush_names(struct pruning *p, struct smudge_error *err)
{
	if (p->options->dry_run || smi_folder_sync(p->tree.folder_fd) == 0)
		return 0;
	return smudge_error_set(err, -errno, WHERE,
				"the folder of layers cannot be flushed: %s",
				strerror(errno));
}

static int prune(struct pruning *p, int folder_fd, struct smudge_error *err)
{
	const struct smudge_prune_options *o = p->options;
	const struct smi_prune_policy policy = {o->keep_last, o->keep_hourly,
						o->keep_daily, o->keep_weekly};
	int ret = smi_prune_tree_read(folder_fd, &p->tree, err);

	if (!ret)
		ret = smi_prune_plan_fates(&p->tree, &policy,
					   p->writer->next_parent, err);
	if (!ret)
		ret = flush_names(p, err);
	if (!ret && !o->dry_run)
		ret = remove_unneeded(p, err);
	if (!ret)
		ret = smi_prune_plan_runs(&p->tree, garbage_percent(o),
					  &p->runs, &p->nruns, err);
	return ret ? ret : merge_runs(p, err);
}

int smi_prune_folder(int folder_fd, const struct smudge_prune_options *options,
		     const struct smi_prune_writer *writer,
		     struct smudge_prune_result *ret_result,
		     struct smudge_error *err)
{
	struct pruning p = {.options = options, .writer = writer};
	int ret = prune(&p, folder_fd, err);

	count(&p, ret_result);
	if (!ret)
		report(&p);
	free(p.runs);
	smi_prune_tree_clear(&p.tree);
	return ret;
}
