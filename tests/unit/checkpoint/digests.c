/* SPDX-License-Identifier: MIT */
/*
 * The digests of moments against a plain array, over moments that are stored
 * and moments that are dropped, with regions that grow, shrink, come and go.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/digests.h"
#include "checkpoint/place.h"
#include "common/little_endian.h"
#include "support.h"

enum {
	NREGIONS = 3,
	MAX_PAGES = 2000
};

struct model {
	struct smi_layer layer;
	struct smi_digests *digests;
	struct smi_qcow2_digest pages[NREGIONS][MAX_PAGES]; /* by id */
};

static struct smi_qcow2_digest sum_of(const struct model *model)
{
	struct smi_qcow2_digest sum = {0};

	for (size_t i = 0; i < model->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&model->layer.regions[i];

		for (size_t k = 0; k < region->size_bytes / 4096; k++)
			sum = smi_qcow2_digest_add(sum,
						   model->pages[region->id][k]);
	}
	return sum;
}

static void check(const struct model *model)
{
	struct smi_qcow2_digest sum = sum_of(model);

	for (size_t i = 0; i < model->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&model->layer.regions[i];

		for (size_t k = 0; k < region->size_bytes / 4096; k++) {
			struct smi_qcow2_digest got =
				smi_digests_get(model->digests, i, k);

			assert_memory_equal(&got, &model->pages[region->id][k],
					    sizeof(got));
		}
	}
	assert_true(smi_qcow2_digest_is_equal(sum,
					      smi_digests_sum(model->digests)));
}

/* The next moment's regions: each kept, resized, or gone. */
static void next_regions(struct test_rng *rng, const struct model *before,
			 struct model *next)
{
	struct smi_layer *layer = &next->layer;
	struct smi_place_fresh *fresh;
	size_t nfresh;

	*next = *before;
	*layer = (struct smi_layer){0};
	layer->regions = calloc(NREGIONS, sizeof(*layer->regions));
	for (uint32_t id = 0; id < NREGIONS; id++) {
		uint64_t old = 0, npages;
		struct smi_layer_region *to = &layer->regions[layer->nregions];

		for (size_t i = 0; i < before->layer.nregions; i++)
			if (before->layer.regions[i].id == id)
				old = before->layer.regions[i].size_bytes /
				      4096;
		npages = test_rng_below(rng, 2)
				 ? old
				 : test_rng_below(rng, MAX_PAGES + 1);
		for (uint64_t k = npages; k < MAX_PAGES; k++)
			next->pages[id][k] = (struct smi_qcow2_digest){0};
		if (!npages)
			continue;
		*to = (struct smi_layer_region){.id = id,
						.page_shift = 12,
						.gpa = (uint64_t)id << 30,
						.size_bytes = npages * 4096};
		to->name[0] = (char)('a' + id);
		layer->nregions++;
	}
	assert_int_equal(
		smi_place_regions(before->digests ? &before->layer : NULL,
				  layer, &fresh, &nfresh, NULL),
		0);
	free(fresh);
	smi_place_tail(before->digests ? &before->layer : NULL, layer, 1);
	assert_int_equal(smi_digests_create(layer, before->digests,
					    &next->digests, NULL),
			 0);
}

static void change(struct test_rng *rng, struct model *model, size_t i)
{
	struct smi_qcow2_digest pages[MAX_PAGES];
	uint64_t npages = model->layer.regions[i].size_bytes / 4096;
	uint64_t first = test_rng_below(rng, npages);
	uint64_t n = 1 + test_rng_below(rng, npages - first);
	bool is_zero = test_rng_below(rng, 3) == 0;

	if (test_rng_below(rng, 2))
		n = 1;
	for (uint64_t k = 0; k < n; k++) {
		pages[k] = (struct smi_qcow2_digest){0};
		if (!is_zero)
			pages[k] = (struct smi_qcow2_digest){
				test_rng_next(rng), test_rng_next(rng)};
		model->pages[model->layer.regions[i].id][first + k] = pages[k];
	}
	assert_int_equal(smi_digests_set(model->digests, i, first, n,
					 is_zero ? NULL : pages, NULL),
			 0);
}

struct stored {
	uint8_t *disk; /* what the layers stored so far */
	size_t npages;
};

static int store(void *opaque, uint64_t disk_page, const uint8_t *bytes,
		 struct smudge_error *err)
{
	struct stored *stored = opaque;

	assert_true(disk_page < stored->npages);
	memcpy(stored->disk + disk_page * 4096, bytes, 4096);
	return 0;
}

/* The tables on the disk, of which a layer stores what changed, are right. */
static void check_disk(const struct model *model, const uint8_t *disk)
{
	for (size_t i = 0; i < model->layer.nregions; i++) {
		const struct smi_layer_region *region =
			&model->layer.regions[i];

		for (size_t k = 0; k < region->nextents; k++) {
			const struct smi_layer_extent *extent =
				&region->extents[k];
			const uint8_t *at = disk + extent->table_page * 4096;

			for (uint64_t p = 0; p < extent->npages; p++)
				assert_int_equal(
					little_endian_get(at + p * 16, 8),
					model->pages[region->id]
						    [extent->first_page + p]
							    .low);
		}
	}
}

/* New extents begin as zeros, also where something else was. */
static void clear_fresh(const struct model *before, const struct model *next,
			uint8_t *disk)
{
	struct smi_layer copy = {.nregions = next->layer.nregions};
	struct smi_place_fresh *fresh;
	size_t nfresh;

	copy.regions = calloc(copy.nregions + 1, sizeof(*copy.regions));
	memcpy(copy.regions, next->layer.regions,
	       copy.nregions * sizeof(*copy.regions));
	for (size_t i = 0; i < copy.nregions; i++) {
		copy.regions[i].extents = NULL;
		copy.regions[i].nextents = 0;
	}
	assert_int_equal(
		smi_place_regions(before->digests ? &before->layer : NULL,
				  &copy, &fresh, &nfresh, NULL),
		0);
	for (size_t i = 0; i < nfresh; i++)
		memset(disk + fresh[i].table_page * 4096, 0,
		       smi_layer_table_npages(fresh[i].npages) * 4096);
	free(fresh);
	smi_layer_clear(&copy);
}

static void drop(struct model *model)
{
	smi_digests_destroy(model->digests);
	smi_layer_clear(&model->layer);
}

static void moments_follow_each_other(void **state)
{
	enum {
		DISK_PAGES = 64 << 10
	};
	struct test_rng rng = test_rng_start("digests");
	struct model *before = calloc(1, sizeof(*before));
	struct model *next = calloc(1, sizeof(*next));
	struct stored stored = {.npages = DISK_PAGES,
				.disk = calloc(DISK_PAGES, 4096)};

	for (unsigned int round = 0; round < test_rounds(200); round++) {
		next_regions(&rng, before, next);
		check(next);
		for (unsigned int k = 0; next->layer.nregions && k < 6; k++)
			change(&rng, next,
			       test_rng_below(&rng, next->layer.nregions));
		check(next);
		if (before->digests)
			check(before); /* it has not changed */
		if (test_rng_below(&rng, 3) == 0) {
			drop(next);
			continue;
		}
		clear_fresh(before, next, stored.disk);
		assert_int_equal(smi_digests_each(next->digests, true, store,
						  &stored, NULL),
				 0);
		check_disk(next, stored.disk);
		drop(before);
		*before = *next;
	}
	drop(before);
	free(before);
	free(next);
	free(stored.disk);
}

TEST_MAIN(moments_follow_each_other)
