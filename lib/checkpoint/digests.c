/* SPDX-License-Identifier: MIT */
/*
 * Table pages, shared by moments and counted.
 */
#include "checkpoint/digests.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/little_endian.h"
#include "common/range.h"
#include "qcow2/format.h"

struct table_page {
	size_t nusers; /* moments */
	bool is_own;   /* changed by the last moment that has it */
	uint8_t bytes[SMI_QCOW2_PAGE_BYTES];
};

/* The table of one extent. */
struct table {
	struct smi_layer_extent extent;
	size_t npages;
	struct table_page **pages; /* NULL: zeros */
	struct smi_qcow2_digest sum;
};

struct region_tables {
	uint32_t id;
	size_t ntables;
	struct table *tables; /* ascending first_page */
};

struct smi_digests {
	size_t nregions;
	struct region_tables regions[]; /* as in the layer */
};

static struct smi_qcow2_digest get(const uint8_t *bytes, size_t index)
{
	const uint8_t *at = bytes + index * SMI_QCOW2_DIGEST_BYTES;

	return (struct smi_qcow2_digest){little_endian_get(at, 8),
					 little_endian_get(at + 8, 8)};
}

static void put(uint8_t *bytes, size_t index, struct smi_qcow2_digest digest)
{
	uint8_t *at = bytes + index * SMI_QCOW2_DIGEST_BYTES;

	little_endian_put(at, digest.low, 8);
	little_endian_put(at + 8, digest.high, 8);
}

static void drop_page(struct table_page *page)
{
	if (page && !--page->nusers)
		free(page);
}

static void clear_region(struct region_tables *region)
{
	for (size_t i = 0; i < region->ntables; i++) {
		struct table *table = &region->tables[i];

		for (size_t k = 0; table->pages && k < table->npages; k++)
			drop_page(table->pages[k]);
		free(table->pages);
	}
	free(region->tables);
}

void smi_digests_destroy(struct smi_digests *digests)
{
	if (!digests)
		return;
	for (size_t i = 0; i < digests->nregions; i++)
		clear_region(&digests->regions[i]);
	free(digests);
}

static int create_region(struct region_tables *tables,
			 const struct smi_layer_region *region)
{
	tables->id = region->id;
	tables->tables = calloc(region->nextents, sizeof(*tables->tables));
	if (!tables->tables && region->nextents)
		return -ENOMEM;
	tables->ntables = region->nextents;
	for (size_t i = 0; i < region->nextents; i++) {
		struct table *table = &tables->tables[i];

		table->extent = region->extents[i];
		table->npages =
			(table->extent.npages + SMI_DIGESTS_PER_PAGE - 1) /
			SMI_DIGESTS_PER_PAGE;
		table->pages = calloc(table->npages, sizeof(table->pages[0]));
		if (!table->pages && table->npages)
			return -ENOMEM;
	}
	return 0;
}

/* The table that continues @extent: it is at the same place of the disk. */
static const struct table *find_table(const struct smi_digests *digests,
				      uint32_t id,
				      const struct smi_layer_extent *extent)
{
	for (size_t i = 0; i < digests->nregions; i++) {
		const struct region_tables *region = &digests->regions[i];

		for (size_t k = 0; region->id == id && k < region->ntables; k++)
			if (region->tables[k].extent.disk_page ==
				    extent->disk_page &&
			    region->tables[k].extent.table_page ==
				    extent->table_page &&
			    region->tables[k].extent.first_page ==
				    extent->first_page)
				return &region->tables[k];
	}
	return NULL;
}

static void take_away(struct table *table, const struct table_page *page)
{
	for (size_t i = 0; page && i < SMI_DIGESTS_PER_PAGE; i++)
		table->sum =
			smi_qcow2_digest_sub(table->sum, get(page->bytes, i));
}

/* Both moments have the pages. Their changes, if any, are the older one's. */
static void continue_table(struct table *table, const struct table *old)
{
	size_t n = min_u64(old->npages, table->npages);

	table->sum = old->sum;
	for (size_t k = 0; k < n; k++) {
		table->pages[k] = old->pages[k];
		if (table->pages[k]) {
			table->pages[k]->nusers++;
			table->pages[k]->is_own = false;
		}
	}
	for (size_t k = n; k < old->npages; k++)
		take_away(table, old->pages[k]);
}

/* A page that this moment may write, or NULL: no memory. */
static struct table_page *own(struct table_page **slot)
{
	struct table_page *page = *slot;
	struct table_page *copy;

	if (page && page->is_own)
		return page;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return NULL;
	if (page)
		memcpy(copy->bytes, page->bytes, sizeof(copy->bytes));
	else
		memset(copy->bytes, 0, sizeof(copy->bytes));
	copy->nusers = 1;
	copy->is_own = true;
	drop_page(page);
	*slot = copy;
	return copy;
}

static int set_one(struct table *table, uint64_t index,
		   struct smi_qcow2_digest digest)
{
	struct table_page **slot = &table->pages[index / SMI_DIGESTS_PER_PAGE];
	size_t at = index % SMI_DIGESTS_PER_PAGE;
	struct smi_qcow2_digest old = {0};
	struct table_page *page;

	if (*slot)
		old = get((*slot)->bytes, at);
	if (smi_qcow2_digest_is_equal(old, digest))
		return 0;
	page = own(slot);
	if (!page)
		return -ENOMEM;
	put(page->bytes, at, digest);
	table->sum = smi_qcow2_digest_add(smi_qcow2_digest_sub(table->sum, old),
					  digest);
	return 0;
}

/* No digests behind the end of an extent that became shorter. */
static int cut_table(struct table *table)
{
	uint64_t end = table->npages * SMI_DIGESTS_PER_PAGE;
	int ret = 0;

	for (uint64_t at = table->extent.npages; !ret && at < end; at++)
		ret = set_one(table, at, (struct smi_qcow2_digest){0});
	return ret;
}

static int continue_region(struct region_tables *region,
			   const struct smi_digests *before)
{
	int ret = 0;

	for (size_t i = 0; i < region->ntables && !ret; i++) {
		struct table *table = &region->tables[i];
		const struct table *old =
			find_table(before, region->id, &table->extent);

		if (!old)
			continue;
		continue_table(table, old);
		ret = cut_table(table);
	}
	return ret;
}

static int no_memory(struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, "checkpoint",
				"no memory for digests of pages");
}

int smi_digests_create(const struct smi_layer *layer,
		       const struct smi_digests *before,
		       struct smi_digests **ret_digests,
		       struct smudge_error *err)
{
	struct smi_digests *digests = calloc(
		1, sizeof(*digests) +
			   layer->nregions * sizeof(digests->regions[0]));
	int ret = 0;

	if (!digests)
		return no_memory(err);
	digests->nregions = layer->nregions;
	for (size_t i = 0; i < layer->nregions && !ret; i++) {
		struct region_tables *region = &digests->regions[i];

		ret = create_region(region, &layer->regions[i]);
		if (!ret && before)
			ret = continue_region(region, before);
	}
	if (ret < 0) {
		smi_digests_destroy(digests);
		return no_memory(err);
	}
	*ret_digests = digests;
	return 0;
}

/* The table with @page, or NULL. */
static struct table *table_with(const struct region_tables *region,
				uint64_t page)
{
	size_t low = 0, high = region->ntables;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct smi_layer_extent *extent =
			&region->tables[middle].extent;

		if (page < extent->first_page)
			high = middle;
		else if (page - extent->first_page >= extent->npages)
			low = middle + 1;
		else
			return &region->tables[middle];
	}
	return NULL;
}

/* Zeros in a table page of zeros change nothing: it is passed over. */
static uint64_t zeros_at(const struct table *table, uint64_t index)
{
	if (table->pages[index / SMI_DIGESTS_PER_PAGE])
		return 0;
	return SMI_DIGESTS_PER_PAGE - index % SMI_DIGESTS_PER_PAGE;
}

int smi_digests_set(struct smi_digests *digests, size_t region,
		    uint64_t first_page, uint64_t npages,
		    const struct smi_qcow2_digest *pages,
		    struct smudge_error *err)
{
	const struct smi_qcow2_digest zero = {0};
	uint64_t end = first_page + npages;
	uint64_t page = first_page;

	while (page < end) {
		struct table *table =
			table_with(&digests->regions[region], page);
		uint64_t index, skip;

		if (!table)
			return no_memory(err); /* not reached: it is covered */
		index = page - table->extent.first_page;
		skip = pages ? 0 : zeros_at(table, index);
		if (!skip) {
			if (set_one(table, index,
				    pages ? pages[page - first_page] : zero))
				return no_memory(err);
			skip = 1;
		}
		page += min_u64(skip, table->extent.npages - index);
	}
	return 0;
}

struct smi_qcow2_digest smi_digests_get(const struct smi_digests *digests,
					size_t region, uint64_t page)
{
	const struct table *table = table_with(&digests->regions[region], page);
	uint64_t index = table ? page - table->extent.first_page : 0;
	const struct table_page *at =
		table ? table->pages[index / SMI_DIGESTS_PER_PAGE] : NULL;

	if (!at)
		return (struct smi_qcow2_digest){0};
	return get(at->bytes, index % SMI_DIGESTS_PER_PAGE);
}

struct smi_qcow2_digest smi_digests_sum(const struct smi_digests *digests)
{
	struct smi_qcow2_digest sum = {0};

	for (size_t i = 0; i < digests->nregions; i++)
		for (size_t k = 0; k < digests->regions[i].ntables; k++)
			sum = smi_qcow2_digest_add(
				sum, digests->regions[i].tables[k].sum);
	return sum;
}

static int each_of(const struct table *table, bool only_own,
		   smi_digests_found_fn *found, void *opaque,
		   struct smudge_error *err)
{
	int ret = 0;

	for (size_t k = 0; k < table->npages && !ret; k++)
		if (table->pages[k] && (!only_own || table->pages[k]->is_own))
			ret = found(opaque, table->extent.table_page + k,
				    table->pages[k]->bytes, err);
	return ret;
}

int smi_digests_each(const struct smi_digests *digests, bool only_own,
		     smi_digests_found_fn *found, void *opaque,
		     struct smudge_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < digests->nregions; i++)
		for (size_t k = 0; k < digests->regions[i].ntables && !ret; k++)
			ret = each_of(&digests->regions[i].tables[k], only_own,
				      found, opaque, err);
	return ret;
}
