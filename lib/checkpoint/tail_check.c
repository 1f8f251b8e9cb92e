/* SPDX-License-Identifier: MIT */
/*
 * The parts of a tail beside each other.
 */
#include "checkpoint/tail_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/spans.h"
#include "qcow2/format.h"

#define WHERE "layer"

#define MAX_SHIFT 30

static int damaged(const char *what, struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, WHERE, "the tail is damaged: %s",
				what);
}

static const char *wrong_with(const struct smi_layer_region *region)
{
	uint64_t page_bytes;

	if (region->page_shift < SMI_QCOW2_PAGE_SHIFT ||
	    region->page_shift > MAX_SHIFT)
		return "a region's page size is not 4 KiB to 1 GiB";
	page_bytes = UINT64_C(1) << region->page_shift;
	if (!region->size_bytes || region->size_bytes % page_bytes)
		return "a region is empty or ends within a page";
	if (region->gpa % page_bytes)
		return "a region begins within a page";
	if (region->size_bytes > UINT64_MAX - region->gpa)
		return "a region ends beyond 2^64";
	return NULL;
}

int smi_tail_check_region(const struct smi_layer *layer, size_t index,
			  struct smudge_error *err)
{
	const struct smi_layer_region *region = &layer->regions[index];
	const char *wrong = wrong_with(region);

	if (wrong)
		return damaged(wrong, err);
	if (index && region->gpa < region[-1].gpa + region[-1].size_bytes)
		return damaged("a region begins before the one before it ends",
			       err);
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int check_names(const char **names, size_t n, const char *what,
		       struct smudge_error *err)
{
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(names[i - 1], names[i]))
			return damaged(what, err);
	return 0;
}

static int check_all_names(const struct smi_layer *layer,
			   struct smudge_error *err)
{
	size_t most = layer->nregions + layer->nblobs + 1;
	const char **names = calloc(most, sizeof(*names));
	int ret;

	if (!names)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for %zu names", most);
	for (size_t i = 0; i < layer->nregions; i++)
		names[i] = layer->regions[i].name;
	ret = check_names(names, layer->nregions, "two regions have one name",
			  err);
	for (size_t i = 0; i < layer->nblobs; i++)
		names[i] = layer->blobs[i].name;
	if (ret == 0)
		ret = check_names(names, layer->nblobs,
				  "two blobs have one name", err);
	free(names);
	return ret;
}

static int check_spans(const struct smi_span *spans, size_t n,
		       uint64_t end_page, struct smudge_error *err)
{
	uint64_t free_page = 0;

	for (size_t i = 0; i < n; i++) {
		if (spans[i].first_page < free_page)
			return damaged("two of its parts share a page", err);
		if (spans[i].first_page > end_page ||
		    spans[i].npages > end_page - spans[i].first_page)
			return damaged("a part of it is beyond the disk", err);
		free_page = spans[i].first_page + spans[i].npages;
	}
	return 0;
}

static int check_disk(const struct smi_layer *layer, struct smudge_error *err)
{
	struct smi_span *spans;
	size_t n;
	int ret = smi_spans_of_layer(layer, 1, &spans, &n);

	if (ret < 0)
		return smudge_error_set(err, ret, WHERE,
					"no memory for the extents");
	spans[n++] = (struct smi_span){layer->tail_page, layer->tail_npages};
	smi_spans_sort(spans, n);
	/* The last page is the footer's. */
	ret = check_spans(spans, n, layer->disk_npages - 1, err);
	free(spans);
	return ret;
}

int smi_tail_check_layer(const struct smi_layer *layer,
			 struct smudge_error *err)
{
	int ret = check_all_names(layer, err);

	return ret < 0 ? ret : check_disk(layer, err);
}
