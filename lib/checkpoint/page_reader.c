/* SPDX-License-Identifier: MIT */
/*
 * Digests and verified pages.
 */
#include "checkpoint/page_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/little_endian.h"
#include "common/range.h"
#include "qcow2/format.h"

#define WHERE "chain"

#define TABLE_NPAGES (SMI_PART_PAGES / SMI_LAYER_TABLE_DIGESTS + 1)

/* Tables and pages are far from each other: a reader for each. */
struct smi_page_reader {
	const struct smudge_chain *chain;
	struct smi_qcow2_reader *pages, *tables;
	uint8_t bytes[TABLE_NPAGES * SMI_QCOW2_PAGE_BYTES];
	/* What was read last: the digest at first_digest, counted from the
	   disk's first byte, and those behind it. */
	uint64_t first_digest, ndigests;
	struct smi_qcow2_digest digests[SMI_PART_PAGES];
};

/* The extent that has the page. */
static const struct smi_layer_extent *
extent_at(const struct smi_layer_region *region, uint64_t page)
{
	size_t low = 0, high = region->nextents - 1;

	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (region->extents[middle].first_page <= page)
			low = middle;
		else
			high = middle - 1;
	}
	return &region->extents[low];
}

struct smi_part smi_part_at(const struct smi_layer *layer, size_t region,
			    uint64_t first_page, uint64_t npages)
{
	const struct smi_layer_extent *extent =
		extent_at(&layer->regions[region], first_page);
	uint64_t skipped = first_page - extent->first_page;

	return (struct smi_part){
		.region = region,
		.first_page = first_page,
		.npages = min_u64(npages, extent->npages - skipped),
		.disk_page = extent->disk_page + skipped,
		.table_page =
			extent->table_page + skipped / SMI_LAYER_TABLE_DIGESTS,
		.table_index = skipped % SMI_LAYER_TABLE_DIGESTS,
	};
}

struct smi_part smi_part_of(const struct smi_part *part, uint64_t skip,
			    uint64_t npages)
{
	uint64_t index = part->table_index + skip;
	struct smi_part some = *part;

	some.first_page += skip;
	some.npages = min_u64(npages, part->npages - skip);
	some.disk_page += skip;
	some.table_page += index / SMI_LAYER_TABLE_DIGESTS;
	some.table_index = index % SMI_LAYER_TABLE_DIGESTS;
	return some;
}

int smi_page_reader_create(const struct smudge_chain *chain,
			   struct smi_page_reader **ret_reader,
			   struct smudge_error *err)
{
	struct smi_page_reader *reader = calloc(1, sizeof(*reader));
	int ret;

	if (!reader)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory to read a chain");
	reader->chain = chain;
	ret = smi_qcow2_reader_create(chain->images, 0, 0, &reader->pages, err);
	if (ret == 0)
		ret = smi_qcow2_reader_create(chain->images, 0, 0,
					      &reader->tables, err);
	if (ret < 0) {
		smi_page_reader_destroy(reader);
		return ret;
	}
	*ret_reader = reader;
	return 0;
}

void smi_page_reader_destroy(struct smi_page_reader *reader)
{
	if (!reader)
		return;
	smi_qcow2_reader_destroy(reader->pages);
	smi_qcow2_reader_destroy(reader->tables);
	free(reader);
}

void smi_page_reader_rest(struct smi_page_reader *reader)
{
	smi_qcow2_reader_rest(reader->pages);
	smi_qcow2_reader_rest(reader->tables);
}

void smi_page_reader_keep(struct smi_page_reader *reader,
			  const struct smi_qcow2_kept *kept)
{
	smi_qcow2_reader_keep(reader->pages, kept);
	smi_qcow2_reader_keep(reader->tables, kept);
}

void smi_page_reader_await(struct smi_page_reader *reader)
{
	smi_qcow2_reader_await(reader->pages);
	smi_qcow2_reader_await(reader->tables);
}

static int read_digests(struct smi_page_reader *reader,
			const struct smi_part *part, struct smudge_error *err)
{
	const uint8_t *at =
		reader->bytes + part->table_index * SMI_QCOW2_DIGEST_BYTES;
	int ret = smi_qcow2_reader_read(
		reader->tables, part->table_page,
		smi_layer_table_npages(part->table_index + part->npages),
		reader->bytes, err);

	reader->ndigests = ret < 0 ? 0 : part->npages;
	for (uint64_t i = 0; i < reader->ndigests; i++) {
		reader->digests[i].low = little_endian_get(at, 8);
		reader->digests[i].high = little_endian_get(at + 8, 8);
		at += SMI_QCOW2_DIGEST_BYTES;
	}
	return ret;
}

int smi_page_reader_digests(struct smi_page_reader *reader,
			    const struct smi_part *part,
			    const struct smi_qcow2_digest **ret_digests,
			    struct smudge_error *err)
{
	uint64_t first =
		part->table_page * SMI_LAYER_TABLE_DIGESTS + part->table_index;
	int ret = 0;

	if (first < reader->first_digest ||
	    first + part->npages > reader->first_digest + reader->ndigests) {
		ret = read_digests(reader, part, err);
		reader->first_digest = first;
	}
	*ret_digests = reader->digests + (first - reader->first_digest);
	return ret;
}

/* The image that has the page, as far as that can be found. */
static const char *file_of(struct smi_page_reader *reader, uint64_t disk_page)
{
	struct smi_qcow2_piece piece = {.image = 0};

	if (smi_qcow2_reader_piece(reader->pages, disk_page, disk_page + 1,
				   &piece, NULL) < 0 ||
	    piece.image == SMI_QCOW2_NOWHERE)
		piece.image = 0;
	return smi_qcow2_chain_name(reader->chain->images, piece.image);
}

static int bad_page(struct smi_page_reader *reader, const struct smi_part *part,
		    uint64_t page, struct smudge_error *err)
{
	const struct smi_layer_region *region =
		&reader->chain->layer.regions[part->region];
	uint64_t number = (part->first_page + page) >>
			  (region->page_shift - SMI_QCOW2_PAGE_SHIFT);
	int ret = smudge_error_set(
		err, -EBADMSG, WHERE,
		"%.40s: page %" PRIu64 " of region %.40s is not what was "
		"written",
		file_of(reader, part->disk_page + page), number, region->name);

	smudge_error_at(err, region->id, number);
	return ret;
}

/* Pages that are compared with their digests. */
struct comparison {
	uint64_t first_page; /* of the disk */
	const struct smi_qcow2_digest *digests;
	bool is_bad; /* bad_page, of the disk, is not what was written */
	uint64_t bad_page;
};

static int compare(void *opaque, uint64_t first_page, uint64_t npages,
		   const uint8_t *bytes)
{
	struct comparison *c = opaque;
	const struct smi_qcow2_digest *digests =
		c->digests + (first_page - c->first_page);

	for (uint64_t i = 0; i < npages; i++) {
		struct smi_qcow2_digest digest = smi_qcow2_digest(
			first_page + i, bytes + i * SMI_QCOW2_PAGE_BYTES);

		if (smi_qcow2_digest_is_equal(digest, digests[i]))
			continue;
		c->is_bad = true;
		c->bad_page = first_page + i;
		return -EBADMSG;
	}
	return 0;
}

/* Of at most SMI_PART_PAGES. */
static int read_part(struct smi_page_reader *reader,
		     const struct smi_part *part, void *buffer,
		     struct smudge_error *err)
{
	struct comparison c = {.first_page = part->disk_page};
	const struct smi_qcow2_check check = {compare, &c};
	int ret = smi_page_reader_digests(reader, part, &c.digests, err);

	if (ret == 0)
		ret = smi_qcow2_reader_read_checked(
			reader->pages, part->disk_page, part->npages, buffer,
			&check, err);
	return c.is_bad ? bad_page(reader, part, c.bad_page - part->disk_page,
				   err)
			: ret;
}

int smi_page_reader_pages(struct smi_page_reader *reader,
			  const struct smi_part *part, void *buffer,
			  struct smudge_error *err)
{
	int ret = 0;

	for (uint64_t done = 0; ret == 0 && done < part->npages;
	     done += SMI_PART_PAGES) {
		struct smi_part some = smi_part_of(part, done, SMI_PART_PAGES);

		ret = read_part(reader, &some,
				(uint8_t *)buffer + done * SMI_QCOW2_PAGE_BYTES,
				err);
	}
	return ret;
}

int smi_page_reader_locate(struct smi_page_reader *reader,
			   const struct smi_part *part,
			   struct smudge_error *err)
{
	return smi_qcow2_reader_locate(reader->pages, part->disk_page,
				       part->disk_page + part->npages, err);
}

int smi_page_reader_locate_digests(struct smi_page_reader *reader,
				   const struct smi_part *part,
				   struct smudge_error *err)
{
	return smi_qcow2_reader_locate(
		reader->tables, part->table_page,
		part->table_page + smi_layer_table_npages(part->table_index +
							  part->npages),
		err);
}

/* How many pages from @first_page on surely read as zeros; 0: the first not. */
static int count_zeros(struct smi_qcow2_reader *reader, uint64_t first_page,
		       uint64_t end_page, uint64_t *ret_npages,
		       struct smudge_error *err)
{
	uint64_t page = first_page;
	int ret = 0;

	while (page < end_page) {
		struct smi_qcow2_piece piece;

		ret = smi_qcow2_reader_piece(reader, page, end_page, &piece,
					     err);
		if (ret < 0)
			return ret;
		if (!piece.is_zero && piece.image != SMI_QCOW2_NOWHERE)
			break;
		page += piece.npages;
	}
	*ret_npages = page - first_page;
	return ret;
}

int smi_page_reader_no_digests(struct smi_page_reader *reader,
			       const struct smi_part *part,
			       uint64_t *ret_npages, struct smudge_error *err)
{
	uint64_t end_page =
		part->table_page +
		smi_layer_table_npages(part->table_index + part->npages);
	uint64_t n;
	int ret = count_zeros(reader->tables, part->table_page, end_page, &n,
			      err);

	if (ret < 0)
		return ret;
	*ret_npages =
		n ? min_u64(n * SMI_LAYER_TABLE_DIGESTS - part->table_index,
			    part->npages)
		  : 0;
	return 0;
}

int smi_page_reader_zeros(struct smi_page_reader *reader,
			  const struct smi_part *part, uint64_t *ret_npages,
			  struct smudge_error *err)
{
	uint64_t n;
	int ret = smi_page_reader_no_digests(reader, part, &n, err);

	if (ret < 0)
		return ret;
	return count_zeros(reader->pages, part->disk_page, part->disk_page + n,
			   ret_npages, err);
}
