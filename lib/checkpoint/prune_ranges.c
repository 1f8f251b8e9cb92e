/* SPDX-License-Identifier: MIT */
/*
 * Ranges of a layer's disk.
 */
#include "checkpoint/prune_ranges.h"

#include <errno.h>
#include <stdlib.h>

#define WHERE "prune"

struct list {
	struct smi_prune_range *items;
	size_t n;
};

static void add(struct list *list, uint64_t first_page, uint64_t npages)
{
	if (npages)
		list->items[list->n++] = (struct smi_prune_range){
			.first_page = first_page, .npages = npages};
}

static void add_region(struct list *list, const struct smi_layer *layer,
		       size_t region)
{
	const struct smi_layer_region *r = &layer->regions[region];

	for (size_t i = 0; i < r->nextents; i++) {
		const struct smi_layer_extent *e = &r->extents[i];

		list->items[list->n++] = (struct smi_prune_range){
			.first_page = e->disk_page,
			.npages = e->npages,
			.is_extent = true,
			.region = region,
			.region_page = e->first_page,
		};
		add(list, e->table_page, smi_layer_table_npages(e->npages));
	}
}

static int compare(const void *left, const void *right)
{
	const struct smi_prune_range *a = left, *b = right;

	return (a->first_page > b->first_page) -
	       (a->first_page < b->first_page);
}

static void sort(struct list *list)
{
	qsort(list->items, list->n, sizeof(*list->items), compare);
}

/* What is between the parts, up to the footer. */
static void add_gaps(struct list *list, uint64_t footer_page)
{
	size_t nparts = list->n;
	uint64_t page = 0;

	for (size_t i = 0; i < nparts; i++) {
		const struct smi_prune_range *part = &list->items[i];

		add(list, page, part->first_page - page);
		page = part->first_page + part->npages;
	}
	add(list, page, footer_page - page);
	sort(list);
}

static size_t count_extents(const struct smi_layer *layer)
{
	size_t n = 0;

	for (size_t i = 0; i < layer->nregions; i++)
		n += layer->regions[i].nextents;
	return n;
}

int smi_prune_ranges(const struct smi_layer *layer, bool is_all,
		     struct smi_prune_range **ret_ranges, size_t *ret_nranges,
		     struct smudge_error *err)
{
	size_t nparts = 2 * count_extents(layer) + 1;
	struct list list = {
		.items = calloc(2 * nparts + 1, sizeof(*list.items))};

	if (!list.items)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for the parts of a layer");
	for (size_t i = 0; i < layer->nregions; i++)
		add_region(&list, layer, i);
	add(&list, layer->tail_page, layer->tail_npages);
	sort(&list);
	if (is_all)
		add_gaps(&list, layer->disk_npages - 1);
	*ret_ranges = list.items;
	*ret_nranges = list.n;
	return 0;
}

int smi_prune_pieces(struct smi_qcow2_reader *reader, uint64_t first_page,
		     uint64_t npages, smi_prune_found_fn *found, void *opaque,
		     struct smudge_error *err)
{
	uint64_t page = first_page, end_page = first_page + npages;
	int ret = smi_qcow2_reader_locate(reader, page, end_page, err);

	while (!ret && page < end_page) {
		struct smi_qcow2_piece piece;

		ret = smi_qcow2_reader_piece(reader, page, end_page, &piece,
					     err);
		if (!ret)
			ret = found(opaque, &piece);
		if (!ret)
			page += piece.npages;
	}
	return ret;
}

int smi_prune_pieces_of(const struct smi_layer *layer, bool is_all,
			struct smi_qcow2_reader *reader,
			smi_prune_found_fn *found, void *opaque,
			struct smudge_error *err)
{
	struct smi_prune_range *ranges;
	size_t n;
	int ret = smi_prune_ranges(layer, is_all, &ranges, &n, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n && !ret; i++)
		ret = smi_prune_pieces(reader, ranges[i].first_page,
				       ranges[i].npages, found, opaque, err);
	free(ranges);
	return ret;
}
