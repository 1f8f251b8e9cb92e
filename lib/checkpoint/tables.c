/* SPDX-License-Identifier: MIT */
/*
 * The tables of digests: their sum is the moment's digest. So a table that is
 * damaged, or of another moment, is found before a page is compared with it.
 */
#include <errno.h>

#include "checkpoint/chain.h"
#include "checkpoint/page_reader.h"
#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

/* Of the first pages of a part; at least one. */
static int add_some(struct smi_page_reader *reader, struct smi_part part,
		    struct smi_qcow2_digest *sum, uint64_t *ret_npages,
		    struct smudge_error *err)
{
	const struct smi_qcow2_digest *digests;
	int ret = smi_page_reader_no_digests(reader, &part, ret_npages, err);

	if (ret < 0 || *ret_npages)
		return ret;
	part.npages = min_u64(part.npages, SMI_READ_PAGES);
	ret = smi_page_reader_digests(reader, &part, &digests, err);
	if (ret < 0)
		return ret;
	for (uint64_t i = 0; i < part.npages; i++)
		*sum = smi_qcow2_digest_add(*sum, digests[i]);
	*ret_npages = part.npages;
	return 0;
}

static int add_region(struct smi_page_reader *reader,
		      const struct smi_layer *layer, size_t region,
		      struct smi_qcow2_digest *sum, struct smudge_error *err)
{
	uint64_t end_page =
		layer->regions[region].size_bytes >> SMI_QCOW2_PAGE_SHIFT;
	uint64_t npages;
	int ret = 0;

	for (uint64_t page = 0; ret == 0 && page < end_page; page += npages)
		ret = add_some(
			reader,
			smi_part_at(layer, region, page, end_page - page), sum,
			&npages, err);
	return ret;
}

int smi_chain_check_tables(struct smudge_chain *chain, struct smudge_error *err)
{
	struct smi_qcow2_digest sum = {0};
	struct smi_page_reader *reader;
	int ret = smi_page_reader_create(chain, &reader, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; ret == 0 && i < chain->layer.nregions; i++)
		ret = add_region(reader, &chain->layer, i, &sum, err);
	smi_page_reader_destroy(reader);
	if (ret == 0 && !smi_qcow2_digest_is_equal(sum, chain->layer.digest))
		ret = smudge_error_set(
			err, -EBADMSG, WHERE,
			"%.60s: the digests of its pages are not those of its "
			"moment",
			smi_qcow2_chain_name(chain->images, 0));
	return ret;
}

int smi_chain_need_tables(struct smudge_chain *chain, struct smudge_error *err)
{
	int ret = 0;

	pthread_mutex_lock(&chain->lock);
	if (!chain->are_tables_right)
		ret = smi_chain_check_tables(chain, err);
	if (ret == 0)
		chain->are_tables_right = true;
	pthread_mutex_unlock(&chain->lock);
	return ret;
}
