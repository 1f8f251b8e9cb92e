/* SPDX-License-Identifier: MIT */
/*
 * Layers for tests.
 */
#include "layer_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rig_layer_make(struct smi_layer *layer, size_t nregions, size_t nblobs)
{
	*layer = (struct smi_layer){.nregions = nregions, .nblobs = nblobs};
	layer->regions = calloc(nregions + 1, sizeof(*layer->regions));
	layer->blobs = calloc(nblobs + 1, sizeof(*layer->blobs));
	assert_non_null(layer->regions);
	assert_non_null(layer->blobs);
}

void rig_region(struct smi_layer *layer, size_t index, const char *name,
		uint64_t gpa_page, uint64_t npages)
{
	struct smi_layer_region *region = &layer->regions[index];

	*region = (struct smi_layer_region){
		.id = (uint32_t)(100 + gpa_page),
		.page_shift = 12,
		.gpa = gpa_page * RIG_PAGE_BYTES,
		.size_bytes = npages * RIG_PAGE_BYTES,
	};
	snprintf(region->name, sizeof(region->name), "%s", name);
}

void rig_blob(struct smi_layer *layer, size_t index, const char *name,
	      const void *bytes, size_t length_bytes)
{
	struct smi_layer_blob *blob = &layer->blobs[index];

	snprintf(blob->name, sizeof(blob->name), "%s", name);
	blob->bytes = malloc(length_bytes + 1);
	assert_non_null(blob->bytes);
	memcpy(blob->bytes, bytes, length_bytes);
	blob->length_bytes = length_bytes;
}

static void check_regions(const struct smi_layer_region *a,
			  const struct smi_layer_region *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->page_shift, b->page_shift);
	assert_int_equal(a->gpa, b->gpa);
	assert_int_equal(a->size_bytes, b->size_bytes);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->nextents, b->nextents);
	if (a->nextents)
		assert_memory_equal(a->extents, b->extents,
				    a->nextents * sizeof(*a->extents));
}

void rig_check_equal(const struct smi_layer *a, const struct smi_layer *b)
{
	assert_int_equal(a->nregions, b->nregions);
	for (size_t i = 0; i < a->nregions; i++)
		check_regions(&a->regions[i], &b->regions[i]);
	assert_int_equal(a->nblobs, b->nblobs);
	for (size_t i = 0; i < a->nblobs; i++) {
		assert_string_equal(a->blobs[i].name, b->blobs[i].name);
		assert_int_equal(a->blobs[i].length_bytes,
				 b->blobs[i].length_bytes);
		assert_memory_equal(a->blobs[i].bytes, b->blobs[i].bytes,
				    a->blobs[i].length_bytes);
	}
	assert_memory_equal(&a->stats, &b->stats, sizeof(a->stats));
	assert_int_equal(a->has_parent, b->has_parent);
	assert_memory_equal(&a->parent, &b->parent, sizeof(a->parent));
	assert_memory_equal(&a->digest, &b->digest, sizeof(a->digest));
	assert_int_equal(a->tail_page, b->tail_page);
	assert_int_equal(a->tail_npages, b->tail_npages);
	assert_int_equal(a->disk_npages, b->disk_npages);
}
