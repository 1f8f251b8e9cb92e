/* SPDX-License-Identifier: MIT */
/*
 * Extents for regions: those that the parent's layer has, cut to the region's
 * size, then a new one for the rest of each.
 */
#include "checkpoint/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/gaps.h"
#include "qcow2/format.h"

#define WHERE "layer"

struct placer {
	struct smi_layer *layer;
	struct smi_gaps gaps;
	struct smi_place_fresh *fresh; /* at most one per region */
	size_t nfresh;
	size_t nextents; /* of all regions */
};

static uint64_t npages_of(const struct smi_layer_region *region)
{
	return region->size_bytes >> SMI_QCOW2_PAGE_SHIFT;
}

/* The parent's region that @region continues, or NULL. */
static const struct smi_layer_region *
continued(const struct smi_layer *parent, const struct smi_layer_region *region)
{
	size_t low = 0, high = parent ? parent->nregions : 0;
	const struct smi_layer_region *old;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (parent->regions[middle].gpa < region->gpa)
			low = middle + 1;
		else
			high = middle;
	}
	if (!parent || low == parent->nregions)
		return NULL;
	old = &parent->regions[low];
	if (old->gpa != region->gpa || old->id != region->id ||
	    old->page_shift != region->page_shift ||
	    strcmp(old->name, region->name) != 0)
		return NULL;
	return old;
}

/* Keep what @old has of the region's pages; leave room for one extent more. */
static int keep_extents(struct placer *p, const struct smi_layer_region *old,
			struct smi_layer_region *region)
{
	uint64_t npages = npages_of(region);
	size_t n = 0;

	while (old && n < old->nextents && old->extents[n].first_page < npages)
		n++;
	region->extents = calloc(n + 1, sizeof(*region->extents));
	if (!region->extents)
		return -ENOMEM;
	if (n)
		memcpy(region->extents, old->extents,
		       n * sizeof(*region->extents));
	region->nextents = n;
	if (n) {
		struct smi_layer_extent *last = &region->extents[n - 1];

		last->npages = min_u64(last->npages, npages - last->first_page);
	}
	p->nextents += n;
	return 0;
}

static int keep_all(struct placer *p, const struct smi_layer *parent)
{
	for (size_t i = 0; i < p->layer->nregions; i++) {
		struct smi_layer_region *region = &p->layer->regions[i];
		int ret = keep_extents(p, continued(parent, region), region);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static uint64_t kept_npages(const struct smi_layer_region *region)
{
	const struct smi_layer_extent *last;

	if (!region->nextents)
		return 0;
	last = &region->extents[region->nextents - 1];
	return last->first_page + last->npages;
}

/* The rest of each region, in ascending gpa. */
static int place_pages(struct placer *p)
{
	for (size_t i = 0; i < p->layer->nregions; i++) {
		struct smi_layer_region *region = &p->layer->regions[i];
		uint64_t first_page = kept_npages(region);
		uint64_t npages = npages_of(region) - first_page;
		struct smi_layer_extent *extent;

		if (!npages)
			continue;
		if (++p->nextents > SMI_LAYER_MAX_EXTENTS)
			return -E2BIG;
		extent = &region->extents[region->nextents++];
		extent->first_page = first_page;
		extent->npages = npages;
		extent->disk_page = smi_gaps_take(&p->gaps, npages);
		if (extent->disk_page == UINT64_MAX)
			return -E2BIG;
		p->fresh[p->nfresh++] = (struct smi_place_fresh){
			i, first_page, npages, extent->disk_page, 0};
	}
	return 0;
}

/* Tables come behind, so that a full layer's memory is in one piece. */
static int place_tables(struct placer *p)
{
	for (size_t i = 0; i < p->nfresh; i++) {
		struct smi_place_fresh *fresh = &p->fresh[i];
		struct smi_layer_region *region =
			&p->layer->regions[fresh->region];

		fresh->table_page = smi_gaps_take(
			&p->gaps, smi_layer_table_npages(fresh->npages));
		if (fresh->table_page == UINT64_MAX)
			return -E2BIG;
		region->extents[region->nextents - 1].table_page =
			fresh->table_page;
	}
	return 0;
}

static int place_all(struct placer *p, const struct smi_layer *parent)
{
	int ret = keep_all(p, parent);

	if (ret == 0)
		ret = smi_gaps_open(p->layer, &p->gaps);
	/* A layer that others made may already be too long. */
	if (ret == 0 && p->gaps.end_page > SMI_GAPS_MAX_PAGES)
		ret = -E2BIG;
	if (ret == 0)
		ret = place_pages(p);
	if (ret == 0)
		ret = place_tables(p);
	return ret;
}

static int failed(struct placer *p, int ret, struct smudge_error *err)
{
	free(p->fresh);
	for (size_t i = 0; i < p->layer->nregions; i++) {
		free(p->layer->regions[i].extents);
		p->layer->regions[i].extents = NULL;
		p->layer->regions[i].nextents = 0;
	}
	if (ret == -E2BIG)
		return smudge_error_set(err, ret, WHERE,
					"the regions need more than %u extents "
					"or a disk above 2^51 pages",
					SMI_LAYER_MAX_EXTENTS);
	return smudge_error_set(err, ret, WHERE, "no memory for extents");
}

int smi_place_regions(const struct smi_layer *parent, struct smi_layer *layer,
		      struct smi_place_fresh **ret_fresh, size_t *ret_nfresh,
		      struct smudge_error *err)
{
	struct placer placer = {.layer = layer};
	int ret = -ENOMEM;

	placer.fresh = calloc(layer->nregions + 1, sizeof(*placer.fresh));
	if (placer.fresh)
		ret = place_all(&placer, parent);
	smi_gaps_close(&placer.gaps);
	if (ret < 0)
		return failed(&placer, ret, err);
	*ret_fresh = placer.fresh;
	*ret_nfresh = placer.nfresh;
	return 0;
}

static uint64_t end_of(const struct smi_layer_region *region)
{
	uint64_t end_page = 0;

	for (size_t i = 0; i < region->nextents; i++) {
		const struct smi_layer_extent *e = &region->extents[i];

		end_page = max_u64(end_page, e->disk_page + e->npages);
		end_page = max_u64(end_page,
				   e->table_page +
					   smi_layer_table_npages(e->npages));
	}
	return end_page;
}

void smi_place_tail(const struct smi_layer *parent, struct smi_layer *layer,
		    size_t tail_npages)
{
	layer->tail_page = 0;
	for (size_t i = 0; i < layer->nregions; i++)
		layer->tail_page =
			max_u64(layer->tail_page, end_of(&layer->regions[i]));
	layer->tail_npages = tail_npages;
	layer->disk_npages = layer->tail_page + tail_npages + 1;
	if (parent)
		layer->disk_npages =
			max_u64(layer->disk_npages, parent->disk_npages);
}
