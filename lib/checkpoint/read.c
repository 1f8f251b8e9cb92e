/* SPDX-License-Identifier: MIT */
/*
 * Pages of a region, and where its data are.
 */
#include <errno.h>
#include <inttypes.h>

#include "checkpoint/chain.h"
#include "checkpoint/idle.h"
#include "checkpoint/page_reader.h"
#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

/* The region's pages in pages of 4 KiB, if it has them. */
static int check_range(const struct smudge_chain *chain, size_t region,
		       uint64_t *first_page, uint64_t *end_page,
		       struct smudge_error *err)
{
	const struct smi_layer_region *r;
	unsigned int shift;

	if (region >= chain->layer.nregions)
		return smudge_error_set(err, -EINVAL, WHERE,
					"the layer has %zu regions: no region "
					"%zu",
					chain->layer.nregions, region);
	r = &chain->layer.regions[region];
	if (*first_page > *end_page ||
	    *end_page > r->size_bytes >> r->page_shift)
		return smudge_error_set(err, -EINVAL, WHERE,
					"region %.60s has %" PRIu64
					" pages: not those from %" PRIu64
					" to %" PRIu64,
					r->name, r->size_bytes >> r->page_shift,
					*first_page, *end_page);
	shift = r->page_shift - SMI_QCOW2_PAGE_SHIFT;
	*first_page <<= shift;
	*end_page <<= shift;
	return 0;
}

static int read_parts(struct smi_page_reader *reader,
		      const struct smi_layer *layer, size_t region,
		      uint64_t page, uint64_t end_page, uint8_t *buffer,
		      struct smudge_error *err)
{
	int ret = 0;

	while (ret == 0 && page < end_page) {
		struct smi_part part =
			smi_part_at(layer, region, page, end_page - page);

		ret = smi_page_reader_pages(reader, &part, buffer, err);
		page += part.npages;
		buffer += part.npages * SMI_QCOW2_PAGE_BYTES;
	}
	return ret;
}

int smudge_chain_read(struct smudge_chain *chain, size_t region,
		      uint64_t first_page, uint64_t npages, void *buffer,
		      struct smudge_error *err)
{
	uint64_t end_page = range_end(first_page, npages);
	struct smi_page_reader *reader;
	int ret;

	smudge_error_clear(err);
	ret = check_range(chain, region, &first_page, &end_page, err);
	if (ret == 0)
		ret = smi_chain_need_tables(chain, err);
	if (ret == 0)
		ret = smi_idle_take(chain, &reader, err);
	if (ret < 0)
		return ret;
	ret = read_parts(reader, &chain->layer, region, first_page, end_page,
			 buffer, err);
	if (ret == 0)
		smi_idle_put(chain, reader);
	else
		smi_page_reader_destroy(reader);
	return ret;
}

/* A search for pages that have a digest, or have none. */
struct search {
	struct smi_page_reader *reader;
	const struct smi_layer *layer;
	size_t region;
	uint64_t end_page;
};

static uint64_t count_alike(const struct smi_qcow2_digest *digests,
			    uint64_t npages, bool are_zeros)
{
	uint64_t n = 0;

	while (n < npages && smi_qcow2_digest_is_zero(digests[n]) == are_zeros)
		n++;
	return n;
}

/* How many pages of a part are alike from its first on: zeros, or not. */
static int count_part(const struct search *s, struct smi_part part,
		      bool are_zeros, uint64_t *ret_npages,
		      struct smudge_error *err)
{
	const struct smi_qcow2_digest *digests;
	int ret;

	*ret_npages = 0;
	if (are_zeros) {
		ret = smi_page_reader_no_digests(s->reader, &part, ret_npages,
						 err);
		if (ret < 0 || *ret_npages)
			return ret;
	}
	/* Up to a multiple: the next search begins within what is read here. */
	part.npages = min_u64(
		part.npages, SMI_READ_PAGES - part.first_page % SMI_READ_PAGES);
	ret = smi_page_reader_digests(s->reader, &part, &digests, err);
	if (ret == 0)
		*ret_npages = count_alike(digests, part.npages, are_zeros);
	return ret;
}

/* The first page from @page on that is of the other kind, or the end. */
static int find_end(const struct search *s, uint64_t page, bool are_zeros,
		    uint64_t *ret_page, struct smudge_error *err)
{
	uint64_t npages = 1;
	int ret = 0;

	while (ret == 0 && npages && page < s->end_page) {
		ret = count_part(s,
				 smi_part_at(s->layer, s->region, page,
					     s->end_page - page),
				 are_zeros, &npages, err);
		page += npages;
	}
	*ret_page = page;
	return ret;
}

/* The end of the data from @page on: whole pages of the region, of @npages. */
static int find_data_end(const struct search *s, uint64_t page, uint64_t npages,
			 uint64_t *ret_page, struct smudge_error *err)
{
	for (;;) {
		struct search one = *s;
		int ret = find_end(s, page, false, &page, err);

		page = (page + npages - 1) & ~(npages - 1);
		*ret_page = page;
		if (ret < 0 || page == s->end_page)
			return ret;
		/* Data may begin again within the next one. */
		one.end_page = page + npages;
		ret = find_end(&one, page, true, &page, err);
		if (ret < 0 || page == one.end_page)
			return ret;
	}
}

/* One of the region's pages with any data has data; they have @npages each. */
static int find_run(const struct search *s, uint64_t page, uint64_t npages,
		    struct smudge_run *ret_run, struct smudge_error *err)
{
	uint64_t first_page, end_page;
	int ret = find_end(s, page, true, &first_page, err);

	if (ret < 0 || first_page == s->end_page)
		return ret;
	ret = find_data_end(s, first_page, npages, &end_page, err);
	if (ret < 0)
		return ret;
	first_page /= npages;
	ret_run->first_page = first_page;
	ret_run->npages = end_page / npages - first_page;
	return 1;
}

int smudge_chain_next_data(struct smudge_chain *chain, size_t region,
			   uint64_t first_page, uint64_t end_page,
			   struct smudge_run *ret_run, struct smudge_error *err)
{
	struct search search = {.layer = &chain->layer, .region = region};
	int ret;

	smudge_error_clear(err);
	ret = check_range(chain, region, &first_page, &end_page, err);
	if (ret == 0)
		ret = smi_chain_need_tables(chain, err);
	if (ret < 0 || first_page == end_page)
		return ret;
	search.end_page = end_page;
	pthread_mutex_lock(&chain->lock);
	if (!chain->walker)
		ret = smi_page_reader_create(chain, &chain->walker, err);
	search.reader = chain->walker;
	if (ret == 0)
		ret = find_run(
			&search, first_page,
			UINT64_C(1)
				<< (chain->layer.regions[region].page_shift -
				    SMI_QCOW2_PAGE_SHIFT),
			ret_run, err);
	pthread_mutex_unlock(&chain->lock);
	return ret;
}
