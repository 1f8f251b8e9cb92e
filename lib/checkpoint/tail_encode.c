/* SPDX-License-Identifier: MIT */
/*
 * A tail to bytes: sections, then zeros to the end of the last page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/tail.h"
#include "common/little_endian.h"

#define WHERE "layer"

static uint64_t aligned(uint64_t length)
{
	return (length + SMI_SECTION_ALIGN_BYTES - 1) &
	       ~(uint64_t)(SMI_SECTION_ALIGN_BYTES - 1);
}

static uint64_t region_bytes(const struct smi_layer_region *region)
{
	return SMI_REGION_FIXED_BYTES + aligned(strlen(region->name)) +
	       region->nextents * (uint64_t)SMI_EXTENT_BYTES;
}

static uint64_t blob_bytes(const struct smi_layer_blob *blob)
{
	return SMI_BLOB_FIXED_BYTES + aligned(strlen(blob->name)) +
	       blob->length_bytes;
}

static uint64_t stats_bytes(const struct smi_layer_stats *stats)
{
	return SMI_STATS_BYTES +
	       (stats->pauses > 1 ? SMI_STATS_PAUSES_BYTES : 0);
}

static int too_big(const char *what, struct smudge_error *err)
{
	return smudge_error_set(err, -E2BIG, WHERE, "a layer cannot have %s",
				what);
}

/* The bytes of all sections; lengths are capped before they are added. */
static int measure(const struct smi_layer *layer, uint64_t *ret_length,
		   struct smudge_error *err)
{
	uint64_t length =
		2 * SMI_SECTION_HEADER_BYTES + stats_bytes(&layer->stats);
	size_t nextents = 0;

	if (layer->nregions > SMI_LAYER_MAX_REGIONS)
		return too_big("more than 65536 regions", err);
	if (layer->nblobs > SMI_LAYER_MAX_BLOBS)
		return too_big("more than 4096 blobs", err);
	for (size_t i = 0; i < layer->nregions; i++) {
		nextents += layer->regions[i].nextents;
		if (nextents > SMI_LAYER_MAX_EXTENTS)
			return too_big("more than 1048576 extents", err);
		length += SMI_SECTION_HEADER_BYTES +
			  region_bytes(&layer->regions[i]);
	}
	for (size_t i = 0; i < layer->nblobs; i++) {
		if (layer->blobs[i].length_bytes > SMI_LAYER_MAX_TAIL_BYTES)
			return too_big("a blob above 1 GiB", err);
		length += SMI_SECTION_HEADER_BYTES +
			  aligned(blob_bytes(&layer->blobs[i]));
	}
	if (length > SMI_LAYER_MAX_TAIL_BYTES)
		return too_big("a tail above 1 GiB, blobs included", err);
	*ret_length = length;
	return 0;
}

static uint8_t *put_header(uint8_t *at, uint32_t type, uint32_t flags,
			   uint64_t length)
{
	little_endian_put(at, type, 4);
	little_endian_put(at + 4, flags, 4);
	little_endian_put(at + 8, length, 8);
	return at + SMI_SECTION_HEADER_BYTES;
}

static uint8_t *put_region(uint8_t *at, const struct smi_layer_region *region)
{
	size_t name_bytes = strlen(region->name);

	at = put_header(at, SMI_SECTION_REGION, 0, region_bytes(region));
	little_endian_put(at, region->id, 4);
	little_endian_put(at + 4, region->page_shift, 4);
	little_endian_put(at + 8, region->gpa, 8);
	little_endian_put(at + 16, region->size_bytes, 8);
	little_endian_put(at + 24, name_bytes, 4);
	little_endian_put(at + 28, region->nextents, 4);
	at += SMI_REGION_FIXED_BYTES;
	memcpy(at, region->name, name_bytes);
	at += aligned(name_bytes);
	for (size_t i = 0; i < region->nextents; i++) {
		little_endian_put(at, region->extents[i].npages, 8);
		little_endian_put(at + 8, region->extents[i].disk_page, 8);
		little_endian_put(at + 16, region->extents[i].table_page, 8);
		at += SMI_EXTENT_BYTES;
	}
	return at;
}

static uint8_t *put_blob(uint8_t *at, const struct smi_layer_blob *blob)
{
	size_t name_bytes = strlen(blob->name);
	uint64_t length = blob_bytes(blob);

	at = put_header(at, SMI_SECTION_BLOB, 0, length);
	little_endian_put(at, name_bytes, 4);
	memcpy(at + SMI_BLOB_FIXED_BYTES, blob->name, name_bytes);
	if (blob->length_bytes)
		memcpy(at + SMI_BLOB_FIXED_BYTES + aligned(name_bytes),
		       blob->bytes, blob->length_bytes);
	return at + aligned(length);
}

static uint8_t *put_numbers(uint8_t *at, const uint64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		little_endian_put(at + 8 * i, numbers[i], 8);
	return at + 8 * n;
}

static uint8_t *put_stats(uint8_t *at, const struct smi_layer_stats *stats)
{
	const uint64_t all[] = {stats->time_ns,	   stats->pause_ns,
				stats->harvest_ns, stats->copy_ns,
				stats->write_ns,   stats->pages,
				stats->zero_pages};
	const uint64_t pauses[] = {stats->pauses, stats->paused_ns,
				   stats->longest_pause_ns};

	_Static_assert(sizeof(all) == SMI_STATS_BYTES, "all of them");
	_Static_assert(sizeof(pauses) == SMI_STATS_PAUSES_BYTES, "all");
	at = put_header(at, SMI_SECTION_STATS, SMI_SECTION_MAY_SKIP,
			stats_bytes(stats));
	at = put_numbers(at, all, sizeof(all) / 8);
	return stats->pauses > 1 ? put_numbers(at, pauses, sizeof(pauses) / 8)
				 : at;
}

int smi_tail_encode(const struct smi_layer *layer, uint8_t **ret_bytes,
		    size_t *ret_npages, struct smudge_error *err)
{
	uint8_t *bytes, *at;
	uint64_t length = 0;
	size_t npages;
	int ret = measure(layer, &length, err);

	if (ret < 0)
		return ret;
	npages = (length + SMI_QCOW2_PAGE_BYTES - 1) / SMI_QCOW2_PAGE_BYTES;
	bytes = calloc(npages, SMI_QCOW2_PAGE_BYTES);
	if (!bytes)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for a tail of %zu pages",
					npages);
	at = bytes;
	for (size_t i = 0; i < layer->nregions; i++)
		at = put_region(at, &layer->regions[i]);
	at = put_stats(at, &layer->stats);
	for (size_t i = 0; i < layer->nblobs; i++)
		at = put_blob(at, &layer->blobs[i]);
	put_header(at, SMI_SECTION_END, 0, 0);
	*ret_bytes = bytes;
	*ret_npages = npages;
	return 0;
}
