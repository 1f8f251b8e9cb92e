/* SPDX-License-Identifier: MIT */
/*
 * Which regions a save has. They are held while their pages are copied, and on
 * until the end of a save whose layer is already being written.
 */
#include "checkpoint/save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qcow2/format.h"
#include "sys/guard.h"

static bool is_chosen(const struct smudge_checkpointer *cp, uint32_t id)
{
	for (size_t i = 0; i < cp->options.nregions; i++)
		if (cp->region_ids[i] == id)
			return true;
	return !cp->options.nregions;
}

static bool is_streamed(struct smudge_checkpointer *cp, struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	return save->is_streamed;
}

/* From here on the writer does not begin with it, if it has not yet. */
static bool stop_asking(struct smudge_checkpointer *cp, struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	save->wants_room = false;
	return save->is_streamed;
}

void smi_save_end_pass(struct smudge_checkpointer *cp, struct smi_save *save)
{
	if (!stop_asking(cp, save))
		smi_save_release_regions(cp);
}

void smi_save_release_regions(struct smudge_checkpointer *cp)
{
	for (size_t i = 0; i < cp->held.n; i++)
		smudge_region_release(cp->held.regions[i]);
	cp->held.n = 0;
}

/* Hold those that are chosen. */
static void hold(struct smudge_checkpointer *cp)
{
	struct smudge_region **regions = cp->held.regions;
	size_t n = smudge_memory_hold_regions(cp->memory, regions,
					      SMUDGE_MAX_REGIONS);

	for (size_t i = 0; i < n; i++) {
		if (is_chosen(cp, smudge_region_id(regions[i])))
			regions[cp->held.n++] = regions[i];
		else
			smudge_region_release(regions[i]);
	}
}

static void describe(const struct smudge_region *region,
		     struct smi_layer_region *ret_region)
{
	*ret_region = (struct smi_layer_region){
		.id = smudge_region_id(region),
		.page_shift = smudge_region_page_shift(region),
		.gpa = smudge_region_gpa(region),
		.size_bytes = smudge_region_npages(region)
			      << smudge_region_page_shift(region),
	};
	snprintf(ret_region->name, sizeof(ret_region->name), "%s",
		 smudge_region_name(region));
}

static int describe_held(struct smudge_checkpointer *cp, struct smi_save *save,
			 struct smudge_error *err)
{
	struct smi_layer *layer = &save->layer;

	free(layer->regions);
	layer->nregions = 0;
	layer->regions = calloc(cp->held.n, sizeof(*layer->regions));
	if (!layer->regions)
		return smi_checkpointer_no_memory(err);
	layer->nregions = cp->held.n;
	for (size_t i = 0; i < cp->held.n; i++)
		describe(cp->held.regions[i], &layer->regions[i]);
	return 0;
}

/* The held ones cannot have gone or changed. Has one been added? */
static int check_added(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	if (cp->options.nregions ||
	    smudge_memory_regions(cp->memory, NULL, 0) == cp->held.n)
		return 0;
	return smudge_error_set(err, -EAGAIN, SMI_WHERE,
				"a region was added to the memory while its "
				"layer was being written: save again");
}

int smi_save_regions(struct smudge_checkpointer *cp, struct smi_save *save,
		     struct smudge_error *err)
{
	if (is_streamed(cp, save))
		return check_added(cp, err);
	smi_save_release_regions(cp);
	hold(cp);
	if (!cp->held.n)
		return smudge_error_set(err, -ENOENT, SMI_WHERE,
					"the memory has no region to save");
	return describe_held(cp, save, err);
}

/* Pages of a region of another page size, rounded to its pages. */
static void mark(struct smudge_checkpointer *cp, struct smudge_region *region,
		 const struct smi_piece *piece)
{
	unsigned int shift =
		smudge_region_page_shift(region) - SMI_QCOW2_PAGE_SHIFT;
	uint64_t first = piece->first_page >> shift;
	uint64_t last = (piece->first_page + piece->npages - 1) >> shift;

	smudge_client_mark(cp->client, region, first, last - first + 1);
}

static struct smudge_region *find(const struct smi_region_list *list,
				  uint32_t id)
{
	for (size_t i = 0; i < list->n; i++)
		if (smudge_region_id(list->regions[i]) == id)
			return list->regions[i];
	return NULL;
}

void smi_save_return_pages(struct smudge_checkpointer *cp,
			   struct smi_save *save, struct smi_region_list *list)
{
	struct smi_piece_cursor cursor = smi_pieces_all(&save->pieces);
	struct smudge_region *region = NULL;
	uint64_t npages = 0;
	struct smi_piece *piece;

	list->n = smudge_memory_hold_regions(cp->memory, list->regions,
					     SMUDGE_MAX_REGIONS);
	while ((piece = smi_pieces_next(&cursor))) {
		if (piece->was_clean)
			continue;
		if (!region || smudge_region_id(region) != piece->region_id)
			region = find(list, piece->region_id);
		if (!region)
			continue;
		mark(cp, region, piece);
		npages += piece->npages;
	}
	for (size_t i = 0; i < list->n; i++)
		smudge_region_release(list->regions[i]);
	list->n = 0;
	SMI_SYS_GUARD(&cp->lock);
	cp->stats.returned_pages += npages;
}
