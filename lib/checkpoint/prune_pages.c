/* SPDX-License-Identifier: MIT */
/*
 * A block of the disk at a time: where its pages are, then the pages, which are
 * read at once, since each read of few pages would open the files again. Pages
 * with digests are read as they are stored, and stay compressed.
 */
#include "checkpoint/prune_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/page_reader.h"
#include "checkpoint/prune_check.h"
#include "checkpoint/prune_ranges.h"
#include "common/range.h"

#define WHERE "prune"

#define BLOCK_PAGES 4096 /* 16 MiB */
#define NBUFFERS    4

struct pages {
	struct smudge_chain *chain;
	const struct smi_prune_visitor *visitor;
	struct smi_qcow2_reader *reader; /* of the first images */
	struct smi_page_reader *digests; /* of all */
	struct smi_prune_checker *checker;
	/*
	 * The first images end at one page, so nothing below shows beyond it,
	 * though the next image reaches to the other. Equal: as it is to be.
	 */
	uint64_t hidden_page, hidden_end_page;
	uint8_t *buffers;
	size_t nused;	   /* buffers */
	uint64_t nvisited; /* pages of data in them */
	struct smi_qcow2_digest sum;
	/* The block. */
	const struct smi_prune_range *range;
	uint64_t first_page, npages;
	uint8_t kinds[BLOCK_PAGES];
	uint16_t packed_bytes[BLOCK_PAGES];
	uint64_t ndata;
};

/* Pages that the first images do not have: zeros where they hide the rest. */
static void set_nowhere(struct pages *p, uint64_t first_page, uint64_t npages)
{
	for (uint64_t page = first_page; page < first_page + npages; page++)
		p->kinds[page - p->first_page] =
			page >= p->hidden_page && page < p->hidden_end_page
				? SMI_PRUNE_ZEROS
				: SMI_PRUNE_NOWHERE;
}

/* The block from @page on. Return: 0, or as smi_qcow2_reader_piece. */
static int find_kinds(struct pages *p, uint64_t page, struct smudge_error *err)
{
	uint64_t end_page = p->range->first_page + p->range->npages;
	struct smi_qcow2_piece piece;
	int ret = 0;

	end_page = min_u64(end_page, page + BLOCK_PAGES);
	p->first_page = page;
	p->npages = end_page - page;
	p->ndata = 0;
	for (; !ret && page < end_page; page += piece.npages) {
		ret = smi_qcow2_reader_piece(p->reader, page, end_page, &piece,
					     err);
		if (ret < 0)
			break;
		if (piece.image == SMI_QCOW2_NOWHERE)
			set_nowhere(p, page, piece.npages);
		else
			memset(p->kinds + (page - p->first_page),
			       piece.is_zero ? SMI_PRUNE_ZEROS : SMI_PRUNE_DATA,
			       piece.npages);
		p->ndata += piece.is_zero ? 0 : piece.npages;
	}
	return ret;
}

static int bad_page(struct pages *p, uint64_t index, struct smudge_error *err)
{
	const struct smi_prune_range *range = p->range;
	const struct smi_layer_region *region =
		&p->chain->layer.regions[range->region];
	uint64_t page = p->first_page + index;
	uint64_t number = (range->region_page + page - range->first_page) >>
			  (region->page_shift - SMI_QCOW2_PAGE_SHIFT);
	struct smi_qcow2_piece piece = {.image = 0};
	int ret;

	(void)smi_qcow2_reader_piece(p->reader, page, page + 1, &piece, NULL);
	ret = smudge_error_set(
		err, -EBADMSG, WHERE,
		"%.40s: page %" PRIu64 " of region %.40s is not what was "
		"written",
		smi_qcow2_chain_name(p->chain->images, piece.image), number,
		region->name);
	smudge_error_at(err, region->id, number);
	return ret;
}

static int check_digests(struct pages *p, uint8_t *bytes,
			 struct smudge_error *err)
{
	struct smi_prune_block block = {
		.first_page = p->first_page,
		.npages = p->npages,
		.kinds = p->kinds,
		.bytes = bytes,
		.packed_bytes = p->packed_bytes,
	};
	const struct smi_part part = smi_part_at(
		&p->chain->layer, p->range->region,
		p->range->region_page + p->first_page - p->range->first_page,
		p->npages);
	uint64_t bad_index;
	int ret =
		smi_page_reader_digests(p->digests, &part, &block.digests, err);

	if (ret < 0)
		return ret;
	if (smi_prune_check(p->checker, &block, &bad_index) < 0)
		return bad_page(p, bad_index, err);
	for (uint64_t i = 0; i < p->npages; i++)
		if (p->kinds[i] != SMI_PRUNE_NOWHERE)
			p->sum = smi_qcow2_digest_add(p->sum, block.digests[i]);
	return 0;
}

/* Pages from @index on that are visited at once. */
static uint64_t count_alike(const struct pages *p, uint64_t index)
{
	uint64_t end = index + 1;

	if (p->packed_bytes[index])
		return 1;
	while (end < p->npages && p->kinds[end] == p->kinds[index] &&
	       !p->packed_bytes[end])
		end++;
	return end - index;
}

static int visit_run(struct pages *p, uint64_t index, uint64_t npages,
		     const uint8_t *bytes, struct smudge_error *err)
{
	const struct smi_prune_visitor *v = p->visitor;
	uint64_t page = p->first_page + index;

	if (p->kinds[index] == SMI_PRUNE_NOWHERE)
		return 0;
	if (p->kinds[index] == SMI_PRUNE_ZEROS)
		return v->zeros(v->opaque, page, npages, err);
	if (p->packed_bytes[index])
		return v->packed(v->opaque, page, bytes, p->packed_bytes[index],
				 err);
	return v->data(v->opaque, page, npages, bytes, err);
}

static int visit(struct pages *p, const uint8_t *bytes,
		 struct smudge_error *err)
{
	uint64_t npages;
	int ret = 0;

	for (uint64_t i = 0; i < p->npages && !ret; i += npages) {
		npages = count_alike(p, i);
		ret = visit_run(p, i, npages, bytes + i * SMI_QCOW2_PAGE_BYTES,
				err);
	}
	p->nvisited += p->ndata;
	return ret;
}

/* The buffers are free again. */
static int settle(struct pages *p, struct smudge_error *err)
{
	int ret = p->visitor->settle(p->visitor->opaque, p->nvisited, err);

	p->nused = 0;
	p->nvisited = 0;
	return ret;
}

static int read_block(struct pages *p, uint8_t *bytes, struct smudge_error *err)
{
	memset(p->packed_bytes, 0, sizeof(p->packed_bytes));
	if (!p->ndata)
		return 0;
	if (!p->range->is_extent)
		return smi_qcow2_reader_read(p->reader, p->first_page,
					     p->npages, bytes, err);
	return smi_qcow2_reader_read_stored(p->reader, p->first_page, p->npages,
					    bytes, p->packed_bytes, err);
}

static int do_block(struct pages *p, struct smudge_error *err)
{
	uint8_t *bytes =
		p->buffers + p->nused * BLOCK_PAGES * SMI_QCOW2_PAGE_BYTES;
	int ret = read_block(p, bytes, err);

	if (!ret && p->range->is_extent)
		ret = check_digests(p, bytes, err);
	if (!ret)
		ret = visit(p, bytes, err);
	if (!ret && p->ndata && ++p->nused == NBUFFERS)
		ret = settle(p, err);
	return ret;
}

/* Pages that the images do not have, from @page on; they may be many. */
static int skip_nowhere(struct pages *p, uint64_t *page,
			struct smudge_error *err)
{
	uint64_t end_page = p->range->first_page + p->range->npages;
	struct smi_qcow2_piece piece;
	int ret = 0;

	/* What is hidden is not skipped. */
	if (p->hidden_page < p->hidden_end_page)
		end_page = min_u64(end_page, p->hidden_page);
	while (*page < end_page) {
		ret = smi_qcow2_reader_piece(p->reader, *page, end_page, &piece,
					     err);
		if (ret < 0 || piece.image != SMI_QCOW2_NOWHERE)
			break;
		*page += piece.npages;
	}
	return ret;
}

static int do_range(struct pages *p, const struct smi_prune_range *range,
		    struct smudge_error *err)
{
	uint64_t page = range->first_page;
	uint64_t end_page = page + range->npages;
	int ret;

	p->range = range;
	ret = smi_qcow2_reader_locate(p->reader, page, end_page, err);
	while (!ret && page < end_page) {
		ret = skip_nowhere(p, &page, err);
		if (ret < 0 || page == end_page)
			break;
		ret = find_kinds(p, page, err);
		if (!ret)
			ret = do_block(p, err);
		page += p->npages;
	}
	return ret;
}

static void find_hidden(struct pages *p, size_t depth)
{
	const struct smi_qcow2_chain *images = p->chain->images;

	p->hidden_page = UINT64_MAX;
	for (size_t i = 0; i < depth; i++)
		p->hidden_page = min_u64(p->hidden_page,
					 smi_qcow2_chain_npages(images, i));
	if (depth < smi_qcow2_chain_nimages(images))
		p->hidden_end_page = smi_qcow2_chain_npages(images, depth);
}

static int create(struct pages *p, const struct smi_prune_pages *which,
		  struct smudge_error *err)
{
	int ret = smi_qcow2_reader_create(p->chain->images, 0, which->depth,
					  &p->reader, err);

	if (!ret)
		ret = smi_page_reader_create(p->chain, &p->digests, err);
	if (!ret)
		ret = smi_prune_checker_create(
			which->nthreads, which->is_unpacked, &p->checker, err);
	if (ret < 0)
		return ret;
	p->buffers = malloc(NBUFFERS * BLOCK_PAGES * SMI_QCOW2_PAGE_BYTES);
	return p->buffers ? 0
			  : smudge_error_set(err, -ENOMEM, WHERE,
					     "no memory to read a layer");
}

static int do_ranges(struct pages *p, bool is_all, struct smudge_error *err)
{
	struct smi_prune_range *ranges;
	size_t n;
	int ret = smi_prune_ranges(&p->chain->layer, is_all, &ranges, &n, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n && !ret; i++)
		ret = do_range(p, &ranges[i], err);
	/* The buffers are freed next, so in any case. */
	if (ret)
		(void)settle(p, NULL);
	else
		ret = settle(p, err);
	free(ranges);
	return ret;
}

int smi_prune_pages_each(struct smudge_chain *chain,
			 const struct smi_prune_pages *which,
			 const struct smi_prune_visitor *visitor,
			 struct smi_qcow2_digest *ret_sum,
			 struct smudge_error *err)
{
	struct pages *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory to read a layer");
	p->chain = chain;
	p->visitor = visitor;
	find_hidden(p, which->depth);
	ret = create(p, which, err);
	if (!ret)
		ret = do_ranges(p, which->is_all, err);
	*ret_sum = p->sum;
	smi_prune_checker_destroy(p->checker);
	if (p->reader)
		smi_qcow2_reader_destroy(p->reader);
	smi_page_reader_destroy(p->digests);
	free(p->buffers);
	free(p);
	return ret;
}
