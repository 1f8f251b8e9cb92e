/* SPDX-License-Identifier: MIT */
/*
 * Tables that follow each other in the file are collected as segments and read
 * by one call.
 */
#include "qcow2/tables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/big_endian.h"
#include "qcow2/format.h"

#define WHERE "qcow2"

#define ENTRY_BYTES 8

/* What is read at once: an L2 cache has it. */
#define READ_BYTES   (256U << 10)
#define MAX_SEGMENTS 64
/* Entries of an L1 table that are looked at once. */
#define L1_ENTRIES 2048

/* Entries that follow each other in a table: of the clusters from one on. */
struct segment {
	uint64_t cluster;
	size_t n;
	size_t at; /* where they are in what is read */
};

struct smi_qcow2_walk {
	struct smi_qcow2_stack *stack;
	const struct smi_qcow2_image *image;
	uint64_t first_page, end_page;
	int (*found)(void *opaque, uint64_t cluster, const uint8_t *entries,
		     size_t n);
	void *opaque;
	struct smudge_error *err;
	/*
	 * To be read at once: segments, one after the other in the file, or
	 * the same table as the one before (of zeros, with many L1 entries).
	 */
	uint64_t file_off;
	size_t length_bytes;
	size_t nsegments;
	struct segment segments[MAX_SEGMENTS];
	uint8_t l1[L1_ENTRIES * ENTRY_BYTES];
	uint8_t bytes[READ_BYTES];
};

static unsigned int cluster_shift_of(const struct smi_qcow2_image *image)
{
	return image->header.cluster_bits - SMI_QCOW2_PAGE_SHIFT;
}

/* Pages of which an L2 table has the entries, as a shift. */
static unsigned int table_shift_of(const struct smi_qcow2_image *image)
{
	return 2 * image->header.cluster_bits - 3 - SMI_QCOW2_PAGE_SHIFT;
}

static int read_segments(struct smi_qcow2_walk *walk)
{
	int ret;

	if (!walk->nsegments)
		return 0;
	ret = smi_qcow2_stack_read(walk->stack, walk->file_off, walk->bytes,
				   walk->length_bytes, walk->err);
	for (size_t i = 0; !ret && i < walk->nsegments; i++) {
		const struct segment *segment = &walk->segments[i];

		ret = walk->found(walk->opaque, segment->cluster,
				  walk->bytes + segment->at, segment->n);
	}
	walk->nsegments = 0;
	walk->length_bytes = 0;
	return ret;
}

/* Can a segment at @file_off be read with those before? Then set its place. */
static bool can_add(const struct smi_qcow2_walk *walk, uint64_t file_off,
		    struct segment *segment)
{
	const struct segment *last = &walk->segments[walk->nsegments - 1];

	if (walk->nsegments == MAX_SEGMENTS)
		return false;
	segment->at = walk->length_bytes;
	if (file_off == walk->file_off + walk->length_bytes)
		return segment->n * ENTRY_BYTES <=
		       READ_BYTES - walk->length_bytes;
	segment->at = last->at;
	return file_off == walk->file_off + last->at && segment->n <= last->n;
}

static int add_segment(struct smi_qcow2_walk *walk, uint64_t file_off,
		       struct segment *segment)
{
	size_t end;
	int ret = 0;

	if (walk->nsegments && !can_add(walk, file_off, segment))
		ret = read_segments(walk);
	if (!walk->nsegments) {
		walk->file_off = file_off;
		segment->at = 0;
	}
	walk->segments[walk->nsegments++] = *segment;
	end = segment->at + segment->n * ENTRY_BYTES;
	if (end > walk->length_bytes)
		walk->length_bytes = end;
	return ret;
}

/* The entries of the L2 table @index that the walk wants. */
static int add_table(struct smi_qcow2_walk *walk, uint64_t index,
		     uint64_t table_off)
{
	const struct smi_qcow2_image *image = walk->image;
	uint64_t cluster_bytes = UINT64_C(1) << image->header.cluster_bits;
	unsigned int table_shift = table_shift_of(image);
	uint64_t first = index << table_shift;
	uint64_t end = first + (UINT64_C(1) << table_shift);
	struct segment segment;
	uint64_t skip;

	if (table_off & (cluster_bytes - 1) || table_off > image->file_bytes ||
	    cluster_bytes > image->file_bytes - table_off)
		return smudge_error_set(walk->err, -EBADMSG, WHERE,
					"%.100s: L2 table %llu is not at a "
					"cluster of the file",
					image->name, (unsigned long long)index);
	if (end > walk->end_page)
		end = walk->end_page;
	skip = walk->first_page > first ? walk->first_page - first : 0;
	skip >>= cluster_shift_of(image);
	segment.cluster = (first >> cluster_shift_of(image)) + skip;
	segment.n = (size_t)(((end - 1) >> cluster_shift_of(image)) + 1 -
			     segment.cluster);
	return add_segment(walk, table_off + skip * ENTRY_BYTES, &segment);
}

static uint64_t table_off_of(const uint8_t *l1, size_t i)
{
	return big_endian_get(l1 + i * ENTRY_BYTES, ENTRY_BYTES) &
	       SMI_QCOW2_OFFSET;
}

/* Indexes of the L1 table for pages; the header made sure that it has them. */
struct l1_range {
	uint64_t index, end;
};

static struct l1_range l1_range_of(const struct smi_qcow2_image *image,
				   uint64_t first_page, uint64_t end_page)
{
	unsigned int shift = table_shift_of(image);
	struct l1_range range = {first_page >> shift,
				 ((end_page - 1) >> shift) + 1};

	if (range.end > image->header.l1_entries)
		range.end = image->header.l1_entries;
	return range;
}

/* Read the next part of an L1 table. Return: how many entries, -errno. */
static ssize_t read_l1(struct smi_qcow2_stack *stack,
		       const struct smi_qcow2_image *image,
		       const struct l1_range *range, uint8_t *l1,
		       struct smudge_error *err)
{
	size_t n = range->end - range->index < L1_ENTRIES
			   ? (size_t)(range->end - range->index)
			   : L1_ENTRIES;
	int ret = smi_qcow2_stack_read(
		stack, image->header.l1_off + range->index * ENTRY_BYTES, l1,
		n * ENTRY_BYTES, err);

	return ret ? ret : (ssize_t)n;
}

static int walk_tables(struct smi_qcow2_walk *walk)
{
	struct l1_range range =
		l1_range_of(walk->image, walk->first_page, walk->end_page);
	int ret = 0;

	while (!ret && range.index < range.end) {
		ssize_t n = read_l1(walk->stack, walk->image, &range, walk->l1,
				    walk->err);

		if (n < 0)
			return (int)n;
		for (size_t i = 0; !ret && i < (size_t)n; i++) {
			uint64_t table_off = table_off_of(walk->l1, i);

			if (table_off)
				ret = add_table(walk, range.index + i,
						table_off);
		}
		range.index += (size_t)n;
	}
	return ret ? ret : read_segments(walk);
}

struct smi_qcow2_walk *
smi_qcow2_walk_create(struct smi_qcow2_stack *stack,
		      int (*found)(void *opaque, uint64_t cluster,
				   const uint8_t *entries, size_t n),
		      void *opaque)
{
	struct smi_qcow2_walk *walk = malloc(sizeof(*walk));

	if (walk) {
		walk->stack = stack;
		walk->found = found;
		walk->opaque = opaque;
	}
	return walk;
}

void smi_qcow2_walk_destroy(struct smi_qcow2_walk *walk)
{
	free(walk);
}

int smi_qcow2_walk_image(struct smi_qcow2_walk *walk, size_t image,
			 uint64_t first_page, uint64_t end_page,
			 struct smudge_error *err)
{
	int ret = smi_qcow2_stack_open(walk->stack, image, err);

	walk->image = smi_qcow2_stack_image(walk->stack, image);
	walk->first_page = first_page;
	walk->end_page = end_page;
	walk->err = err;
	walk->file_off = 0;
	walk->length_bytes = 0;
	walk->nsegments = 0;
	return ret ? ret : walk_tables(walk);
}

int smi_qcow2_tables_next(struct smi_qcow2_stack *stack, size_t image,
			  uint64_t first_page, uint64_t end_page,
			  uint64_t *ret_page, struct smudge_error *err)
{
	const struct smi_qcow2_image *own = smi_qcow2_stack_image(stack, image);
	struct l1_range range = l1_range_of(own, first_page, end_page);
	uint8_t l1[L1_ENTRIES * ENTRY_BYTES];
	int ret = smi_qcow2_stack_open(stack, image, err);

	*ret_page = end_page;
	while (!ret && range.index < range.end) {
		ssize_t n = read_l1(stack, own, &range, l1, err);

		if (n < 0)
			return (int)n;
		for (size_t i = 0; i < (size_t)n; i++) {
			uint64_t page = (range.index + i)
					<< table_shift_of(own);

			if (!table_off_of(l1, i))
				continue;
			*ret_page = page > first_page ? page : first_page;
			return 0;
		}
		range.index += (size_t)n;
	}
	return ret;
}
