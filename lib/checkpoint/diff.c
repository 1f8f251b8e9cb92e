/* SPDX-License-Identifier: MIT */
/*
 * Pages that differ between two moments: region by region, and page by page by
 * digest. diff_part.c compares.
 */
#include <errno.h>
#include <string.h>

#include "checkpoint/chain.h"
#include "checkpoint/diff_part.h"
#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

struct diff {
	struct smi_diff_sides sides;
	int (*found)(void *opaque, const struct smudge_difference *difference);
	void *opaque;
	struct smudge_error *err;
	/* The run that may still grow; its npages is 0 if there is none. */
	struct smudge_difference run;
};

/* The program has the run, if there is one. */
static int flush(struct diff *d)
{
	struct smudge_difference run = d->run;

	d->run.run.npages = 0;
	if (run.run.npages && d->found(d->opaque, &run) != 0)
		return smudge_error_set(d->err, -ECANCELED, WHERE, "cancelled");
	return 0;
}

/* Pages of the region [first, end) are of @kind; runs that touch are one. */
static int add(struct diff *d, const struct smi_layer_region *region,
	       uint64_t first, uint64_t end, struct smudge_difference kind)
{
	struct smudge_difference *run = &d->run;
	uint64_t end_of_run = run->run.first_page + run->run.npages;
	int ret;

	if (run->run.npages && run->region_name == region->name &&
	    run->is_new == kind.is_new && run->is_gone == kind.is_gone &&
	    first <= end_of_run) {
		run->run.npages =
			max_u64(end, end_of_run) - run->run.first_page;
		return 0;
	}
	ret = flush(d);
	if (ret < 0 || first == end)
		return ret;
	kind.size = sizeof(kind);
	kind.region_name = region->name;
	kind.gpa = region->gpa + (first << region->page_shift);
	kind.run = (struct smudge_run){first, end - first};
	*run = kind;
	return 0;
}

static uint64_t npages_of(const struct smi_layer_region *region)
{
	return region->size_bytes >> region->page_shift;
}

/* The region of @layer that is @region at another moment; nregions if none. */
static size_t find_same(const struct smi_layer *layer,
			const struct smi_layer_region *region)
{
	for (size_t i = 0; i < layer->nregions; i++) {
		const struct smi_layer_region *r = &layer->regions[i];

		if (r->gpa == region->gpa &&
		    r->page_shift == region->page_shift &&
		    strcmp(r->name, region->name) == 0)
			return i;
	}
	return layer->nregions;
}

/* Pages of 4 KiB that both have. */
static int compare_common(struct diff *d, size_t from, size_t to)
{
	const struct smi_layer_region *a = &d->sides.from->layer.regions[from];
	const struct smi_layer_region *b = &d->sides.to->layer.regions[to];
	uint64_t end_page =
		min_u64(a->size_bytes, b->size_bytes) >> SMI_QCOW2_PAGE_SHIFT;
	unsigned int shift = b->page_shift - SMI_QCOW2_PAGE_SHIFT;
	uint64_t page = 0;
	int ret = 0;

	while (ret == 0 && page < end_page) {
		bool differs;
		uint64_t first_page = page;

		ret = smi_diff_next(&d->sides, from, to, &page, end_page,
				    &differs, d->err);
		if (ret == 0 && differs)
			ret = add(d, b, first_page >> shift,
				  ((page - 1) >> shift) + 1,
				  (struct smudge_difference){0});
	}
	return ret;
}

static int compare_region(struct diff *d, size_t to)
{
	const struct smi_layer *from = &d->sides.from->layer;
	const struct smi_layer_region *b = &d->sides.to->layer.regions[to];
	size_t i = find_same(from, b);
	uint64_t had = 0, has = npages_of(b);
	int ret = 0;

	if (i < from->nregions) {
		had = npages_of(&from->regions[i]);
		ret = compare_common(d, i, to);
	}
	if (ret == 0 && had < has)
		ret = add(d, b, had, has,
			  (struct smudge_difference){.is_new = true});
	if (ret == 0 && had > has)
		ret = add(d, &from->regions[i], has, had,
			  (struct smudge_difference){.is_gone = true});
	return ret < 0 ? ret : flush(d);
}

static int add_gone(struct diff *d)
{
	const struct smi_layer *from = &d->sides.from->layer;
	const struct smi_layer *to = &d->sides.to->layer;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < from->nregions; i++)
		if (find_same(to, &from->regions[i]) == to->nregions)
			ret = add(d, &from->regions[i], 0,
				  npages_of(&from->regions[i]),
				  (struct smudge_difference){.is_gone = true});
	return ret < 0 ? ret : flush(d);
}

int smudge_chain_diff(struct smudge_chain *from, struct smudge_chain *to,
		      int (*found)(void *opaque,
				   const struct smudge_difference *difference),
		      void *opaque, struct smudge_error *err)
{
	struct diff d = {.found = found, .opaque = opaque, .err = err};
	int ret;

	smudge_error_clear(err);
	ret = smi_chain_need_tables(from, err);
	if (ret == 0)
		ret = smi_chain_need_tables(to, err);
	if (ret == 0)
		ret = smi_diff_open(&d.sides, from, to, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < to->layer.nregions; i++)
		ret = compare_region(&d, i);
	if (ret == 0)
		ret = add_gone(&d);
	smi_diff_close(&d.sides);
	return ret;
}
