/* SPDX-License-Identifier: MIT */
/*
 * Restoring a moment: which region of the memory is which of the layer, and
 * threads that bring the parts in.
 */
#include <smudge/checkpoint.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "checkpoint/chain.h"
#include "checkpoint/parts.h"
#include "checkpoint/restore_pages.h"
#include "sys/options.h"

#define WHERE "restore"

struct restore {
	struct smudge_chain *chain;
	struct smudge_restore_options options;
	struct smudge_region **held; /* those to restore */
	size_t nheld;
	struct smudge_region **regions; /* for each of the layer, or NULL */
	bool *is_left_out;		/* for each of the layer */
};

static int copy_options(struct restore *r,
			const struct smudge_restore_options *options,
			struct smudge_error *err)
{
	if (!options)
		return 0;
	return smi_sys_options_copy(
		&r->options, options,
		SMI_SYS_SHAPE(smudge_restore_options, opaque), WHERE, err);
}

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE,
				"no memory for a list of regions");
}

/* The regions to restore: the caller's, or all. */
static int hold_regions(struct restore *r, struct smudge_memory *memory,
			struct smudge_error *err)
{
	size_t n =
		r->options.nregions ? r->options.nregions : SMUDGE_MAX_REGIONS;

	r->held = calloc(n, sizeof(*r->held));
	if (!r->held)
		return no_memory(err);
	if (!r->options.nregions) {
		r->nheld = smudge_memory_hold_regions(memory, r->held, n);
		return 0;
	}
	for (; r->nheld < n; r->nheld++) {
		r->held[r->nheld] = r->options.regions[r->nheld];
		smudge_region_hold(r->held[r->nheld]);
	}
	return 0;
}

static int check_region(const struct smudge_region *region,
			const struct smi_layer_region *of_layer,
			struct smudge_error *err)
{
	unsigned int shift = smudge_region_page_shift(region);
	uint64_t bytes = smudge_region_npages(region) << shift;

	if (bytes != of_layer->size_bytes || shift != of_layer->page_shift ||
	    smudge_region_gpa(region) != of_layer->gpa)
		return smudge_error_set(
			err, -ERANGE, WHERE,
			"region %.40s has %" PRIu64 " KiB at 0x%" PRIx64
			", page shift %u; in the layer %" PRIu64
			" KiB at 0x%" PRIx64 ", page shift %" PRIu32,
			of_layer->name, bytes >> 10, smudge_region_gpa(region),
			shift, of_layer->size_bytes >> 10, of_layer->gpa,
			of_layer->page_shift);
	if (!smudge_region_hva(region))
		return smudge_error_set(err, -EOPNOTSUPP, WHERE,
					"region %.60s is not memory of this "
					"process",
					of_layer->name);
	return 0;
}

static int match_region(struct restore *r, struct smudge_region *region,
			struct smudge_error *err)
{
	const struct smi_layer *layer = &r->chain->layer;
	const char *name = smudge_region_name(region);
	size_t i = smi_layer_find_region(layer, name);

	if (i == layer->nregions)
		return smudge_error_set(err, -ENOENT, WHERE,
					"the layer has no region %.60s", name);
	r->regions[i] = region;
	r->is_left_out[i] = false;
	return check_region(region, &layer->regions[i], err);
}

/* Without a choice of the caller's, all of the layer has to be there. */
static int check_missing(const struct restore *r, struct smudge_error *err)
{
	const struct smi_layer *layer = &r->chain->layer;

	for (size_t i = 0; i < layer->nregions && !r->options.nregions; i++) {
		if (!r->regions[i])
			return smudge_error_set(
				err, -ENOENT, WHERE,
				"the memory has no region %.60s, as the layer "
				"has",
				layer->regions[i].name);
	}
	return 0;
}

static int match_regions(struct restore *r, struct smudge_error *err)
{
	size_t n = r->chain->layer.nregions;
	int ret = 0;

	/* None of 0 bytes, which may be NULL. */
	r->regions = calloc(n + 1, sizeof(*r->regions));
	r->is_left_out = calloc(n + 1, sizeof(*r->is_left_out));
	if (!r->regions || !r->is_left_out)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		r->is_left_out[i] = true;
	for (size_t i = 0; ret == 0 && i < r->nheld; i++)
		ret = match_region(r, r->held[i], err);
	return ret < 0 ? ret : check_missing(r, err);
}

static int bring_in(void *opaque, struct smi_page_reader *reader, void *buffer,
		    const struct smi_part *part, bool are_zeros,
		    struct smudge_error *err)
{
	const struct restore *r = opaque;
	struct smudge_region *region = r->regions[part->region];

	if (!are_zeros)
		return smi_restore_part(region, r->options.is_zeroed, reader,
					part, buffer, err);
	if (!r->options.is_zeroed)
		smi_restore_zeros(region, part->first_page, part->npages);
	return 0;
}

/* The clients know nothing of it; after a failure anything may have changed. */
static void mark(const struct restore *r)
{
	for (size_t i = 0; i < r->nheld; i++)
		smudge_region_mark(r->held[i], 0,
				   smudge_region_npages(r->held[i]));
}

static int bring_all(struct restore *r, struct smudge_error *err)
{
	const struct smi_parts parts = {
		.chain = r->chain,
		.is_left_out = r->is_left_out,
		.nthreads = r->options.nthreads,
		.progress = r->options.progress,
		.progress_opaque = r->options.opaque,
		.work = bring_in,
		.opaque = r,
	};
	int ret = smi_chain_need_tables(r->chain, err);

	if (ret < 0)
		return ret;
	ret = smi_parts_each(&parts, err);
	mark(r);
	return ret;
}

static void release(struct restore *r)
{
	for (size_t i = 0; i < r->nheld; i++)
		smudge_region_release(r->held[i]);
	free(r->held);
	free(r->regions);
	free(r->is_left_out);
}

int smudge_restore(struct smudge_memory *memory, struct smudge_chain *chain,
		   const struct smudge_restore_options *options,
		   struct smudge_error *err)
{
	struct restore r = {.chain = chain};
	int ret;

	smudge_error_clear(err);
	ret = copy_options(&r, options, err);
	if (ret < 0)
		return ret;
	ret = hold_regions(&r, memory, err);
	if (ret == 0)
		ret = match_regions(&r, err);
	if (ret == 0)
		ret = bring_all(&r, err);
	release(&r);
	return ret;
}
