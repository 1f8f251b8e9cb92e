/* SPDX-License-Identifier: MIT */
/*
 * Pages are found as the template has them, whatever the mutated tail says.
 */
#include "layers_edit.h"

#include <string.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"
#include "qcow2/format.h"

#define PAGE	    LAYERS_PAGE
#define MAX_TAIL    16 /* pages */
#define HEADER_END  160
#define ENTRY_KINDS 8

static const struct smi_layer *layer_of(const struct layers_chain *chain,
					size_t layer)
{
	return &chain->template->layers[layer].layer;
}

/* As the chain shows it; zeros where it has nothing. */
static void read_page(const struct layers_chain *chain, size_t layer,
		      uint64_t page, uint8_t bytes[PAGE])
{
	memset(bytes, 0, PAGE);
	for (size_t i = layer + 1; i-- > 0;)
		if (layers_image_read(&chain->images[i], page, bytes))
			return;
}

/* ---- mutations -------------------------------------------------------- */

/* A page of a part: regions, tables, tail or footer, in turns. */
static uint64_t choose_page(const struct layers_chain *chain, size_t layer,
			    uint16_t target)
{
	const struct smi_layer *l = layer_of(chain, layer);
	const struct smi_layer_extent *extent =
		l->regions[target / 8 % l->nregions].extents;
	uint64_t index = target / 8 / l->nregions;

	switch (target % 8) {
	case 0:
		return l->disk_npages - 1;
	case 1:
		return l->tail_page + index % l->tail_npages;
	case 2:
		return extent->table_page +
		       index % smi_layer_table_npages(extent->npages);
	case 3:
		return target / 8 % l->disk_npages;
	default:
		return extent->disk_page + index % extent->npages;
	}
}

static uint64_t clusters_of(const struct layers_image *image)
{
	return image->length / PAGE + 1;
}

/* An entry of a table, as hostile as can be. */
static uint64_t choose_entry(const struct layers_image *image, uint64_t old,
			     uint64_t other, uint64_t value)
{
	uint64_t arg = value / ENTRY_KINDS;

	switch (value % ENTRY_KINDS) {
	case 0:
		return 0;
	case 1:
		return SMI_QCOW2_ZERO | (arg & 1 ? old : 0);
	case 2:
		return (arg % clusters_of(image) * PAGE) | SMI_QCOW2_COPIED;
	case 3:
		return other;
	case 4:
		return SMI_QCOW2_COMPRESSED | (arg & 15) << 58 |
		       (arg >> 4) % (image->length + 1);
	case 5:
		return old ^ UINT64_C(1) << arg % 64;
	case 6:
		return old + (arg << 9);
	default:
		return value;
	}
}

static void edit_entry(struct layers_chain *chain, size_t layer,
		       const struct layers_edit *edit)
{
	struct layers_image *image = &chain->images[layer];
	size_t other = layers_image_l2(
		image,
		choose_page(chain, layer, (uint16_t)(edit->value >> 32)));
	size_t off =
		layers_image_l2(image, choose_page(chain, layer, edit->target));

	if (off)
		layers_image_put(image, off,
				 choose_entry(image,
					      layers_image_get(image, off),
					      layers_image_get(image, other),
					      edit->value));
}

static void edit_table(struct layers_image *image,
		       const struct layers_edit *edit)
{
	size_t off = layers_image_l1(image, edit->target % 8);
	size_t other = layers_image_l1(image, edit->target / 8 % 8);

	if (off)
		layers_image_put(image, off,
				 choose_entry(image,
					      layers_image_get(image, off),
					      layers_image_get(image, other),
					      edit->value));
}

/* Up to 8 bytes anywhere: also refcounts, extensions, compressed data. */
static void edit_bytes(struct layers_image *image, size_t at, uint64_t value)
{
	size_t n = (value >> 48 & 7) + 1;

	for (size_t i = 0; i < n && at + i < image->length; i++)
		image->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

/* A number of a part, in place, of 4 or 8 bytes. */
static void edit_number(uint8_t page[PAGE], uint64_t at, uint64_t value)
{
	unsigned int nbytes = value & 1 ? 8 : 4;
	uint8_t *number = page + at % (PAGE / 4 - 1) * 4;
	uint64_t old = little_endian_get(number, nbytes);

	value >>= 1;
	if (value & 1)
		value = old + (value >> 1) % 1024 - 512;
	little_endian_put(number, value, nbytes);
}

static void edit_page(struct layers_chain *chain, size_t layer,
		      const struct layers_edit *edit)
{
	uint64_t to = choose_page(chain, layer, edit->target);
	uint8_t page[PAGE];

	if (edit->kind % 2) /* what another page has */
		read_page(chain, layer,
			  choose_page(chain, layer, (uint16_t)edit->value),
			  page);
	else
		read_page(chain, layer, to, page);
	if (edit->kind % 2 == 0)
		edit_number(page, edit->value >> 48, edit->value);
	layers_image_write(&chain->images[layer], to, page);
}

/* The first bytes of the tail and of the footer have all that is decoded. */
static void edit_tail(struct layers_chain *chain, size_t layer,
		      const struct layers_edit *edit)
{
	const struct smi_layer *l = layer_of(chain, layer);
	uint64_t to = edit->kind % 2 ? l->tail_page : l->disk_npages - 1;
	uint64_t limit = edit->kind % 2 ? 128 : SMI_FOOTER_RESERVED / 4 + 1;
	uint8_t page[PAGE];

	read_page(chain, layer, to, page);
	edit_number(page, edit->target % limit, edit->value);
	layers_image_write(&chain->images[layer], to, page);
}

static void edit_length(struct layers_image *image,
			const struct layers_edit *edit)
{
	layers_image_resize(image,
			    edit->value % 2
				    ? image->length * edit->target / UINT16_MAX
				    : image->length + edit->value % 16384);
}

/* Two entries of a table change places, which no sum shows. */
static void swap_digests(struct layers_chain *chain, size_t layer,
			 const struct layers_edit *edit)
{
	const struct smi_layer *l = layer_of(chain, layer);
	uint64_t at =
		l->regions[edit->target % l->nregions].extents->table_page;
	uint8_t page[PAGE], digest[SMI_QCOW2_DIGEST_BYTES];
	uint8_t *one = page + edit->value % 256 * sizeof(digest);
	uint8_t *other = page + (edit->value >> 8) % 256 * sizeof(digest);

	read_page(chain, layer, at, page);
	memcpy(digest, one, sizeof(digest));
	memmove(one, other, sizeof(digest));
	memcpy(other, digest, sizeof(digest));
	layers_image_write(&chain->images[layer], at, page);
}

static void copy_image(struct layers_chain *chain, size_t layer, uint64_t from)
{
	const struct layers_image *image = &chain->images[from % LAYERS_N];

	if (image != &chain->images[layer])
		layers_image_set(&chain->images[layer], image->bytes,
				 image->length);
}

void layers_edit(struct layers_chain *chain, const struct layers_edit *edit)
{
	size_t layer = edit->layer % LAYERS_N;
	struct layers_image *image = &chain->images[layer];

	switch (edit->kind / 2 % 8) {
	case 0:
		edit_entry(chain, layer, edit);
		break;
	case 1:
		edit_table(image, edit);
		break;
	case 2:
		edit_bytes(image,
			   edit->kind % 2
				   ? edit->target % HEADER_END
				   : edit->target * 16U + (edit->value >> 60),
			   edit->value);
		break;
	case 3:
		edit_page(chain, layer, edit);
		break;
	case 4:
	case 5:
		edit_tail(chain, layer, edit);
		break;
	case 6:
		edit_length(image, edit);
		break;
	default:
		if (edit->kind % 2)
			swap_digests(chain, layer, edit);
		else
			copy_image(chain, layer, edit->value);
	}
}

/* ---- checksums -------------------------------------------------------- */

static void put_digest(uint8_t *at, struct smi_qcow2_digest digest)
{
	little_endian_put(at, digest.low, 8);
	little_endian_put(at + 8, digest.high, 8);
}

static struct smi_qcow2_digest get_digest(const uint8_t *at)
{
	return (struct smi_qcow2_digest){little_endian_get(at, 8),
					 little_endian_get(at + 8, 8)};
}

static void seal_table(struct layers_chain *chain, size_t layer,
		       const struct smi_layer_extent *extent)
{
	uint8_t table[PAGE], page[PAGE];

	for (uint64_t i = 0; i < extent->npages; i++) {
		uint64_t at = extent->table_page + i / SMI_LAYER_TABLE_DIGESTS;
		uint64_t index = i % SMI_LAYER_TABLE_DIGESTS;

		if (index == 0)
			read_page(chain, layer, at, table);
		read_page(chain, layer, extent->disk_page + i, page);
		put_digest(table + index * SMI_QCOW2_DIGEST_BYTES,
			   smi_qcow2_digest(extent->disk_page + i, page));
		if (index == SMI_LAYER_TABLE_DIGESTS - 1 ||
		    i + 1 == extent->npages)
			layers_image_write(&chain->images[layer], at, table);
	}
}

static struct smi_qcow2_digest sum_table(const struct layers_chain *chain,
					 size_t layer,
					 const struct smi_layer_extent *extent)
{
	struct smi_qcow2_digest sum = {0};
	uint8_t table[PAGE];

	for (uint64_t i = 0; i < extent->npages; i++) {
		uint64_t index = i % SMI_LAYER_TABLE_DIGESTS;

		if (index == 0)
			read_page(chain, layer,
				  extent->table_page +
					  i / SMI_LAYER_TABLE_DIGESTS,
				  table);
		sum = smi_qcow2_digest_add(
			sum,
			get_digest(table + index * SMI_QCOW2_DIGEST_BYTES));
	}
	return sum;
}

static void seal_digest(struct layers_chain *chain, size_t layer,
			unsigned int what, uint8_t footer[PAGE])
{
	const struct smi_layer *l = layer_of(chain, layer);
	struct smi_qcow2_digest sum = {0};

	for (size_t i = 0; i < l->nregions; i++) {
		const struct smi_layer_region *region = &l->regions[i];

		for (size_t j = 0; j < region->nextents; j++) {
			if (what & LAYERS_SEAL_TABLES)
				seal_table(chain, layer, &region->extents[j]);
			sum = smi_qcow2_digest_add(
				sum,
				sum_table(chain, layer, &region->extents[j]));
		}
	}
	if (what & LAYERS_SEAL_DIGEST)
		put_digest(footer + SMI_FOOTER_DIGEST, sum);
}

static void seal_tail(const struct layers_chain *chain, size_t layer,
		      uint8_t footer[PAGE])
{
	uint64_t first = little_endian_get(footer + SMI_FOOTER_TAIL_PAGE, 8);
	uint64_t n = little_endian_get(footer + SMI_FOOTER_TAIL_NPAGES, 8);
	uint8_t tail[MAX_TAIL * PAGE];

	if (n <= MAX_TAIL) {
		for (uint64_t i = 0; i < n; i++)
			read_page(chain, layer, first + i, tail + i * PAGE);
		put_digest(footer + SMI_FOOTER_TAIL_SUM,
			   smi_tail_checksum(tail, (size_t)n * PAGE));
	}
	put_digest(footer + SMI_FOOTER_SUM,
		   smi_tail_checksum(footer, SMI_FOOTER_SUM));
}

void layers_seal(struct layers_chain *chain, unsigned int what)
{
	uint8_t parent[PAGE], footer[PAGE];

	for (size_t i = 0; i < LAYERS_N && what; i++) {
		/* Where it is looked for, also if the disk's length changed. */
		uint64_t at = layers_image_npages(&chain->images[i]);

		if (!at--)
			continue;
		read_page(chain, i, at, footer);
		if (what & (LAYERS_SEAL_TABLES | LAYERS_SEAL_DIGEST))
			seal_digest(chain, i, what, footer);
		if (i && what & LAYERS_SEAL_PARENT)
			memcpy(footer + SMI_FOOTER_PARENT,
			       parent + SMI_FOOTER_DIGEST,
			       SMI_QCOW2_DIGEST_BYTES);
		if (what & LAYERS_SEAL_TAIL)
			seal_tail(chain, i, footer);
		layers_image_write(&chain->images[i], at, footer);
		memcpy(parent, footer, PAGE);
	}
}
