/* SPDX-License-Identifier: MIT */
/*
 * A tail from bytes: section by section, into a layer that grows by what the
 * tail really holds. tail_check.c looks at the whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/layer_format.h"
#include "checkpoint/tail.h"
#include "checkpoint/tail_check.h"
#include "common/byte_cursor.h"

#define WHERE "layer"

struct decoder {
	struct smi_layer *layer;
	size_t regions_room, blobs_room; /* of the layer's arrays */
	size_t nextents;		 /* of all regions */
	bool has_stats;
	struct smudge_error *err;
};

static int damaged(struct decoder *d, const char *what)
{
	return smudge_error_set(d->err, -EBADMSG, WHERE,
				"the tail is damaged: %s", what);
}

static int no_memory(struct decoder *d)
{
	return smudge_error_set(d->err, -ENOMEM, WHERE,
				"no memory for the tail");
}

/* Bytes up to the next multiple of 8, which are zeros. */
static bool skip_padding(struct byte_cursor *cursor, uint64_t length)
{
	size_t n = (size_t)(-length & (SMI_SECTION_ALIGN_BYTES - 1));
	const uint8_t *bytes = byte_cursor_read(cursor, n);

	for (size_t i = 0; bytes && i < n; i++)
		if (bytes[i])
			return false;
	return bytes;
}

static bool read_name(struct byte_cursor *cursor, uint32_t length,
		      char name[SMI_LAYER_NAME_BYTES])
{
	const uint8_t *bytes;

	if (!length || length >= SMI_LAYER_NAME_BYTES)
		return false;
	bytes = byte_cursor_read(cursor, length);
	if (!bytes || memchr(bytes, 0, length))
		return false;
	memcpy(name, bytes, length);
	name[length] = '\0';
	return skip_padding(cursor, length);
}

/* The array with room for one more member, or NULL. */
static void *grown(void *items, size_t nitems, size_t *room, size_t item_bytes)
{
	size_t wanted = *room ? 2 * *room : 4;
	void *larger;

	if (nitems < *room)
		return items;
	larger = realloc(items, wanted * item_bytes);
	if (larger)
		*room = wanted;
	return larger;
}

static int grow_regions(struct decoder *d)
{
	struct smi_layer *layer = d->layer;
	struct smi_layer_region *regions;

	if (layer->nregions >= SMI_LAYER_MAX_REGIONS)
		return damaged(d, "it has too many regions");
	regions = grown(layer->regions, layer->nregions, &d->regions_room,
			sizeof(*regions));
	if (!regions)
		return no_memory(d);
	layer->regions = regions;
	return 0;
}

static int grow_blobs(struct decoder *d)
{
	struct smi_layer *layer = d->layer;
	struct smi_layer_blob *blobs;

	if (layer->nblobs >= SMI_LAYER_MAX_BLOBS)
		return damaged(d, "it has too many blobs");
	blobs = grown(layer->blobs, layer->nblobs, &d->blobs_room,
		      sizeof(*blobs));
	if (!blobs)
		return no_memory(d);
	layer->blobs = blobs;
	return 0;
}

static int read_extents(struct decoder *d, struct byte_cursor *cursor,
			struct smi_layer_region *region)
{
	uint64_t left_npages = region->size_bytes >> SMI_QCOW2_PAGE_SHIFT;
	uint64_t first_page = 0;

	for (size_t i = 0; i < region->nextents; i++) {
		struct smi_layer_extent *extent = &region->extents[i];

		extent->first_page = first_page;
		extent->npages = byte_cursor_read_u64(cursor);
		extent->disk_page = byte_cursor_read_u64(cursor);
		extent->table_page = byte_cursor_read_u64(cursor);
		if (!extent->npages || extent->npages > left_npages)
			return damaged(d, "an extent is empty or longer than "
					  "its region");
		first_page += extent->npages;
		left_npages -= extent->npages;
	}
	if (left_npages)
		return damaged(d, "the extents do not cover their region");
	return 0;
}

/* As many extents as the section has bytes for. */
static int make_extents(struct decoder *d, struct byte_cursor *cursor,
			struct smi_layer_region *region, uint32_t nextents)
{
	if (nextents > SMI_LAYER_MAX_EXTENTS - d->nextents ||
	    cursor->left_bytes != nextents * (uint64_t)SMI_EXTENT_BYTES)
		return damaged(d, "a region's extents are not as many as it "
				  "says");
	region->extents = calloc(nextents + 1, sizeof(*region->extents));
	if (!region->extents)
		return no_memory(d);
	region->nextents = nextents;
	d->nextents += nextents;
	return read_extents(d, cursor, region);
}

static int read_region(struct decoder *d, struct byte_cursor cursor)
{
	struct smi_layer *layer = d->layer;
	struct smi_layer_region *region;
	uint32_t name_bytes, nextents;
	int ret = grow_regions(d);

	if (ret < 0)
		return ret;
	region = &layer->regions[layer->nregions];
	*region = (struct smi_layer_region){
		.id = byte_cursor_read_u32(&cursor),
		.page_shift = byte_cursor_read_u32(&cursor),
		.gpa = byte_cursor_read_u64(&cursor),
		.size_bytes = byte_cursor_read_u64(&cursor),
	};
	name_bytes = byte_cursor_read_u32(&cursor);
	nextents = byte_cursor_read_u32(&cursor);
	if (!read_name(&cursor, name_bytes, region->name))
		return damaged(d, "a region is cut off or has no name");
	layer->nregions++;
	ret = smi_tail_check_region(layer, layer->nregions - 1, d->err);
	if (ret < 0)
		return ret;
	return make_extents(d, &cursor, region, nextents);
}

static int read_blob(struct decoder *d, struct byte_cursor cursor)
{
	struct smi_layer *layer = d->layer;
	struct smi_layer_blob *blob;
	uint32_t name_bytes = byte_cursor_read_u32(&cursor);
	uint32_t reserved = byte_cursor_read_u32(&cursor);
	int ret = grow_blobs(d);

	if (ret < 0)
		return ret;
	blob = &layer->blobs[layer->nblobs];
	*blob = (struct smi_layer_blob){0};
	if (reserved || !read_name(&cursor, name_bytes, blob->name))
		return damaged(d, "a blob is cut off or has no name");
	blob->bytes = malloc(cursor.left_bytes + 1);
	if (!blob->bytes)
		return no_memory(d);
	memcpy(blob->bytes, cursor.at, cursor.left_bytes);
	blob->length_bytes = cursor.left_bytes;
	layer->nblobs++;
	return 0;
}

/*
 * Those of the pauses are there after several pauses. Values that a later
 * library appends are not read.
 */
static int read_stats(struct decoder *d, struct byte_cursor cursor)
{
	struct smi_layer_stats *stats = &d->layer->stats;
	uint64_t *const values[] = {
		&stats->time_ns,	 &stats->pause_ns, &stats->harvest_ns,
		&stats->copy_ns,	 &stats->write_ns, &stats->pages,
		&stats->zero_pages,	 &stats->pauses,   &stats->paused_ns,
		&stats->longest_pause_ns};

	if (d->has_stats)
		return damaged(d, "it has its statistics twice");
	d->has_stats = true;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (8 * i < SMI_STATS_BYTES || cursor.left_bytes)
			*values[i] = byte_cursor_read_u64(&cursor);
	return cursor.failed ? damaged(d, "its statistics are cut off") : 0;
}

static int read_section(struct decoder *d, uint32_t type, uint32_t flags,
			struct byte_cursor payload)
{
	if (flags & ~SMI_SECTION_MAY_SKIP)
		return smudge_error_set(d->err, -EPROTONOSUPPORT, WHERE,
					"section %" PRIu32
					" of the tail has flags that this "
					"library does not know: 0x%" PRIx32,
					type, flags);
	if (type == SMI_SECTION_REGION)
		return read_region(d, payload);
	if (type == SMI_SECTION_BLOB)
		return read_blob(d, payload);
	if (type == SMI_SECTION_STATS)
		return read_stats(d, payload);
	if (flags & SMI_SECTION_MAY_SKIP)
		return 0;
	return smudge_error_set(d->err, -EPROTONOSUPPORT, WHERE,
				"the tail has a section of type %" PRIu32
				", which this library does not know",
				type);
}

static int check_end(struct decoder *d, uint32_t flags, uint64_t length,
		     struct byte_cursor rest)
{
	if (flags || length)
		return damaged(d, "its end has flags or a length");
	for (size_t i = 0; i < rest.left_bytes; i++)
		if (rest.at[i])
			return damaged(d, "bytes follow its end");
	return 0;
}

static int read_sections(struct decoder *d, struct byte_cursor cursor)
{
	for (;;) {
		uint32_t type = byte_cursor_read_u32(&cursor);
		uint32_t flags = byte_cursor_read_u32(&cursor);
		uint64_t length = byte_cursor_read_u64(&cursor);
		const uint8_t *payload;
		int ret;

		if (!cursor.failed && type == SMI_SECTION_END)
			return check_end(d, flags, length, cursor);
		payload = byte_cursor_read(&cursor, length);
		if (!payload || !skip_padding(&cursor, length))
			return damaged(d, "a section is cut off");
		ret = read_section(d, type, flags,
				   byte_cursor(payload, length));
		if (ret < 0)
			return ret;
	}
}

int smi_tail_decode(const struct smi_footer *footer, const uint8_t *bytes,
		    uint64_t disk_npages, struct smi_layer *ret_layer,
		    struct smudge_error *err)
{
	size_t length = footer->tail_npages * SMI_QCOW2_PAGE_BYTES;
	struct smi_layer layer = {
		.has_parent = footer->has_parent,
		.parent = footer->parent,
		.digest = footer->digest,
		.tail_page = footer->tail_page,
		.tail_npages = footer->tail_npages,
		.tail_checksum = footer->tail_checksum,
		.disk_npages = disk_npages,
	};
	struct decoder decoder = {.layer = &layer, .err = err};
	int ret;

	if (!smi_qcow2_digest_is_equal(smi_tail_checksum(bytes, length),
				       footer->tail_checksum))
		return damaged(&decoder, "its checksum is wrong");
	ret = read_sections(&decoder, byte_cursor(bytes, length));
	if (ret == 0)
		ret = smi_tail_check_layer(&layer, err);
	if (ret < 0) {
		smi_layer_clear(&layer);
		return ret;
	}
	*ret_layer = layer;
	return 0;
}
