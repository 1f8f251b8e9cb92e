/* SPDX-License-Identifier: MIT */
/*
 * Spans of the virtual disk.
 */
#include "checkpoint/spans.h"

#include <errno.h>
#include <stdlib.h>

static int compare(const void *left, const void *right)
{
	const struct smi_span *a = left, *b = right;

	return (a->first_page > b->first_page) -
	       (a->first_page < b->first_page);
}

void smi_spans_sort(struct smi_span *spans, size_t nspans)
{
	if (nspans)
		qsort(spans, nspans, sizeof(*spans), compare);
}

static struct smi_span *add_region(const struct smi_layer_region *region,
				   struct smi_span *at)
{
	for (size_t i = 0; i < region->nextents; i++) {
		const struct smi_layer_extent *e = &region->extents[i];

		*at++ = (struct smi_span){e->disk_page, e->npages};
		*at++ = (struct smi_span){e->table_page,
					  smi_layer_table_npages(e->npages)};
	}
	return at;
}

int smi_spans_of_layer(const struct smi_layer *layer, size_t nmore,
		       struct smi_span **ret_spans, size_t *ret_nspans)
{
	struct smi_span *spans, *at;
	size_t n = 0;

	for (size_t i = 0; i < layer->nregions; i++)
		n += 2 * layer->regions[i].nextents;
	spans = calloc(n + nmore + 1, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	at = spans;
	for (size_t i = 0; i < layer->nregions; i++)
		at = add_region(&layer->regions[i], at);
	smi_spans_sort(spans, n);
	*ret_spans = spans;
	*ret_nspans = n;
	return 0;
}
