/* SPDX-License-Identifier: MIT */
/*
 * Random memories that grow, shrink, come and go, layer by layer, against a
 * naive map of who wrote each page of the disk last: no two parts of a layer
 * ever share a page; what a region keeps stays where it was; and whatever a
 * layer shows in a region's page or digest, it was written for that very page,
 * or nothing was ever there, once the fresh pages that show are written.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/place.h"
#include "layer_rig.h"

#define MAX_REGIONS 12
#define MAX_NPAGES  1500
#define DISK_NPAGES 200000
#define GPA_NPAGES  4096 /* from one region to the next */

/* Who a page of the disk was written for; 0: it was never written. */
static uint64_t written[DISK_NPAGES];
static uint64_t used[DISK_NPAGES]; /* by a part of the layer that is checked */

/* A name for one page of one life of a region, and one for its digests. */
static uint64_t owner(const struct smi_layer_region *region, uint64_t page)
{
	return ((uint64_t)region->id << 32) + 2 * page + 2;
}

static void use(uint64_t disk_page, uint64_t who)
{
	assert_true(disk_page < DISK_NPAGES);
	assert_int_equal(used[disk_page], 0);
	used[disk_page] = who;
}

/* A table's page is of its first digest. */
static void use_extents(const struct smi_layer_region *region)
{
	uint64_t page = 0;

	for (size_t i = 0; i < region->nextents; i++) {
		const struct smi_layer_extent *e = &region->extents[i];

		assert_int_equal(e->first_page, page);
		assert_true(e->npages > 0);
		for (uint64_t j = 0; j < e->npages; j++)
			use(e->disk_page + j, owner(region, page + j));
		for (uint64_t j = 0; j < smi_layer_table_npages(e->npages); j++)
			use(e->table_page + j,
			    owner(region, page + 256 * j) + 1);
		page += e->npages;
	}
	assert_int_equal(page, region->size_bytes >> 12);
}

/* Written, as the writer does: only where the parent could show. */
static void write_fresh(const struct smi_layer *parent,
			const struct smi_layer *layer,
			const struct smi_place_fresh *fresh)
{
	uint64_t ntable = smi_layer_table_npages(fresh->npages);
	uint64_t n = smi_place_showing(parent, fresh->disk_page, fresh->npages);

	for (uint64_t i = 0; i < n; i++)
		written[fresh->disk_page + i] = used[fresh->disk_page + i];
	n = smi_place_showing(parent, fresh->table_page, ntable);
	for (uint64_t i = 0; i < n; i++)
		written[fresh->table_page + i] = used[fresh->table_page + i];
	assert_true(fresh->region < layer->nregions);
}

static void check_shown(void)
{
	for (uint64_t i = 0; i < DISK_NPAGES; i++)
		if (used[i] && written[i] && written[i] != used[i])
			fail_msg("page %ju shows another's", (uintmax_t)i);
}

/* The guest writes: pages that a delta has, and their digests. */
static void write_some(struct test_rng *rng)
{
	for (uint64_t i = 0; i < DISK_NPAGES; i++)
		if (used[i] && test_rng_below(rng, 4) == 0)
			written[i] = used[i];
}

/* What a layer does not use is anything from then on. */
static void forget_unused(void)
{
	for (uint64_t i = 0; i < DISK_NPAGES; i++)
		if (written[i] && !used[i])
			written[i] = UINT64_MAX;
}

static void write_tail(const struct smi_layer *layer)
{
	for (uint64_t i = 0; i < layer->tail_npages; i++) {
		use(layer->tail_page + i, 1);
		written[layer->tail_page + i] = 1;
	}
	use(layer->disk_npages - 1, 1);
	written[layer->disk_npages - 1] = 1;
}

static void check_kept(const struct smi_layer *parent,
		       const struct smi_layer_region *region, uint64_t fresh)
{
	size_t i = smi_layer_find_region(parent, region->name);
	const struct smi_layer_region *old = &parent->regions[i];
	uint64_t kept = 0;

	if (i == parent->nregions)
		assert_int_equal(fresh, region->size_bytes >> 12);
	for (size_t j = 0; i < parent->nregions && j < old->nextents; j++) {
		const struct smi_layer_extent *e = &old->extents[j];

		if (j >= region->nextents)
			break;
		assert_int_equal(e->disk_page, region->extents[j].disk_page);
		assert_int_equal(e->table_page, region->extents[j].table_page);
		kept += region->extents[j].npages;
	}
	assert_int_equal(kept + fresh, region->size_bytes >> 12);
}

/* The next layer: each region may end, begin, grow or shrink. */
static void change(struct test_rng *rng, uint64_t npages[MAX_REGIONS],
		   uint32_t ids[MAX_REGIONS], uint32_t *next_id)
{
	for (size_t i = 0; i < MAX_REGIONS; i++) {
		uint64_t dice = test_rng_below(rng, 8);

		if (dice == 0) {
			npages[i] = 0;
			ids[i] = (*next_id)++;
		} else if (dice <= 2) {
			npages[i] = 1 + test_rng_below(rng, MAX_NPAGES);
		}
	}
}

static void build(struct smi_layer *layer, const uint64_t npages[MAX_REGIONS],
		  const uint32_t ids[MAX_REGIONS])
{
	size_t n = 0;

	rig_layer_make(layer, MAX_REGIONS, 0);
	for (size_t i = 0; i < MAX_REGIONS; i++) {
		char name[] = {'r', (char)('a' + i), 0, 0};

		if (!npages[i])
			continue;
		name[2] = (char)('0' + ids[i] % 10);
		rig_region(layer, n, name, i * GPA_NPAGES, npages[i]);
		layer->regions[n++].id = ids[i];
	}
	layer->nregions = n;
}

static void place(const struct smi_layer *parent, struct smi_layer *layer,
		  struct test_rng *rng)
{
	struct smi_place_fresh *fresh;
	uint64_t nfresh_of[MAX_REGIONS] = {0};
	size_t nfresh;

	assert_int_equal(
		smi_place_regions(parent, layer, &fresh, &nfresh, NULL), 0);
	smi_place_tail(parent, layer, 1 + test_rng_below(rng, 40));
	memset(used, 0, sizeof(used));
	for (size_t i = 0; i < layer->nregions; i++)
		use_extents(&layer->regions[i]);
	for (size_t i = 0; i < nfresh; i++) {
		nfresh_of[fresh[i].region] += fresh[i].npages;
		write_fresh(parent, layer, &fresh[i]);
	}
	for (size_t i = 0; parent && i < layer->nregions; i++)
		check_kept(parent, &layer->regions[i], nfresh_of[i]);
	check_shown();
	write_some(rng);
	write_tail(layer);
	forget_unused();
	assert_true(!parent || layer->disk_npages >= parent->disk_npages);
	free(fresh);
}

static void chains_never_show_anothers_page(void **state)
{
	struct test_rng rng = test_rng_start("place");

	for (unsigned int chain = 0; chain < test_rounds(20); chain++) {
		uint64_t npages[MAX_REGIONS] = {0};
		uint32_t ids[MAX_REGIONS] = {0}, next_id = 1;
		struct smi_layer layers[2] = {{0}};

		memset(written, 0, sizeof(written));
		for (unsigned int i = 0; i < 40; i++) {
			struct smi_layer *layer = &layers[i % 2];

			change(&rng, npages, ids, &next_id);
			smi_layer_clear(layer);
			build(layer, npages, ids);
			place(i ? &layers[(i + 1) % 2] : NULL, layer, &rng);
		}
		smi_layer_clear(&layers[0]);
		smi_layer_clear(&layers[1]);
	}
}

/* The memory of a full layer begins the disk and has no holes. */
static void full_layers_are_dense(void **state)
{
	struct smi_place_fresh *fresh;
	struct smi_layer layer;
	size_t nfresh;

	rig_layer_make(&layer, 2, 0);
	rig_region(&layer, 0, "low", 0, 257);
	rig_region(&layer, 1, "high", 1024, 256);
	assert_int_equal(smi_place_regions(NULL, &layer, &fresh, &nfresh, NULL),
			 0);
	assert_int_equal(nfresh, 2);
	assert_int_equal(layer.regions[0].extents[0].disk_page, 0);
	assert_int_equal(layer.regions[1].extents[0].disk_page, 257);
	assert_int_equal(fresh[0].table_page, 513);
	assert_int_equal(fresh[1].table_page, 515);
	smi_place_tail(NULL, &layer, 3);
	assert_int_equal(layer.tail_page, 516);
	assert_int_equal(layer.disk_npages, 520);
	assert_int_equal(smi_place_showing(&layer, 500, 50), 20);
	assert_int_equal(smi_place_showing(&layer, 520, 50), 0);
	assert_int_equal(smi_place_showing(NULL, 0, 50), 0);
	free(fresh);
	smi_layer_clear(&layer);
}

TEST_MAIN(full_layers_are_dense, chains_never_show_anothers_page)
