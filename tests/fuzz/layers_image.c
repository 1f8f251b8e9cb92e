/* SPDX-License-Identifier: MIT */
/*
 * Big-endian numbers, clusters of 4 KiB, tables of 512 entries.
 */
#include "layers_image.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "common/big_endian.h"
#include "qcow2/format.h"

#define DISK_BYTES_OFF 24
#define L1_ENTRIES_OFF 36
#define L1_OFF_OFF     40
#define MAX_NPAGES     (UINT64_C(1) << 20)
#define MAX_LENGTH     ((size_t)4 << 20)

static void reserve(struct layers_image *image, size_t room)
{
	if (room <= image->room)
		return;
	image->bytes = realloc(image->bytes, room);
	if (!image->bytes)
		abort();
	image->room = room;
}

void layers_image_set(struct layers_image *image, const uint8_t *bytes,
		      size_t length)
{
	reserve(image, length + 1);
	memcpy(image->bytes, bytes, length);
	image->length = length;
}

void layers_image_clear(struct layers_image *image)
{
	free(image->bytes);
	*image = (struct layers_image){0};
}

void layers_image_resize(struct layers_image *image, size_t length)
{
	if (length > MAX_LENGTH)
		return;
	reserve(image, length + 1);
	if (length > image->length)
		memset(image->bytes + image->length, 0, length - image->length);
	image->length = length;
}

uint64_t layers_image_get(const struct layers_image *image, size_t off)
{
	return off + 8 <= image->length ? big_endian_get(image->bytes + off, 8)
					: 0;
}

void layers_image_put(struct layers_image *image, size_t off, uint64_t value)
{
	if (off + 8 <= image->length)
		big_endian_put(image->bytes + off, value, 8);
}

uint64_t layers_image_npages(const struct layers_image *image)
{
	uint64_t npages = layers_image_get(image, DISK_BYTES_OFF) / LAYERS_PAGE;

	return npages < MAX_NPAGES ? npages : MAX_NPAGES;
}

size_t layers_image_l1(const struct layers_image *image, uint64_t index)
{
	uint64_t off = layers_image_get(image, L1_OFF_OFF);
	uint64_t n = layers_image_get(image, L1_ENTRIES_OFF) >> 32;

	if (index >= n || off > image->length ||
	    off + index * 8 + 8 > image->length)
		return 0;
	return (size_t)(off + index * 8);
}

size_t layers_image_l2(const struct layers_image *image, uint64_t page)
{
	size_t l1 = layers_image_l1(image, page / SMI_QCOW2_TABLE_ENTRIES);
	uint64_t off = l1 ? layers_image_get(image, l1) & SMI_QCOW2_OFFSET : 0;

	if (!off || off > image->length || image->length - off < LAYERS_PAGE)
		return 0;
	return (size_t)off + page % SMI_QCOW2_TABLE_ENTRIES * 8;
}

static bool read_compressed(const struct layers_image *image, uint64_t entry,
			    uint8_t *bytes)
{
	uint64_t off = entry & ((UINT64_C(1) << 58) - 1);
	size_t frame;

	if (off >= image->length)
		return false;
	frame = ZSTD_findFrameCompressedSize(image->bytes + off,
					     image->length - off);
	return !ZSTD_isError(frame) &&
	       ZSTD_decompress(bytes, LAYERS_PAGE, image->bytes + off, frame) ==
		       LAYERS_PAGE;
}

bool layers_image_read(const struct layers_image *image, uint64_t page,
		       uint8_t bytes[LAYERS_PAGE])
{
	size_t l2 = layers_image_l2(image, page);
	uint64_t entry = l2 ? layers_image_get(image, l2) : 0;
	uint64_t off = entry & SMI_QCOW2_OFFSET;

	if (entry & SMI_QCOW2_COMPRESSED)
		return read_compressed(image, entry, bytes);
	if (entry & SMI_QCOW2_ZERO) {
		memset(bytes, 0, LAYERS_PAGE);
		return true;
	}
	if (!off || off > image->length || image->length - off < LAYERS_PAGE)
		return false;
	memcpy(bytes, image->bytes + off, LAYERS_PAGE);
	return true;
}

/* A new cluster of zeros at the end. Return: its offset; 0: too many. */
static size_t add_cluster(struct layers_image *image)
{
	size_t off = (image->length + LAYERS_PAGE - 1) & ~(LAYERS_PAGE - 1);

	layers_image_resize(image, off + LAYERS_PAGE);
	return image->length == off + LAYERS_PAGE ? off : 0;
}

void layers_image_write(struct layers_image *image, uint64_t page,
			const uint8_t bytes[LAYERS_PAGE])
{
	size_t l1 = layers_image_l1(image, page / SMI_QCOW2_TABLE_ENTRIES);
	size_t off;

	if (l1 && !layers_image_l2(image, page)) {
		off = add_cluster(image);
		layers_image_put(image, l1, off | SMI_QCOW2_COPIED);
	}
	off = l1 && layers_image_l2(image, page) ? add_cluster(image) : 0;
	if (!off)
		return;
	memcpy(image->bytes + off, bytes, LAYERS_PAGE);
	layers_image_put(image, layers_image_l2(image, page),
			 off | SMI_QCOW2_COPIED);
}
