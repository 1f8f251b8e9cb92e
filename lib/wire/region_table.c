/* SPDX-License-Identifier: MIT */
/*
 * The region table, to and from bytes.
 *
 * Sums of decoded values cannot overflow: the gpa + size of each region fits in
 * 64 bits and regions do not overlap, so the sum of all sizes fits too.
 */
#include "wire/region_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/byte_cursor.h"
#include "wire/bytes.h"

#define FIXED_BYTES 28u /* of a region, without its name */
#define MIN_SHIFT   12u
#define MAX_SHIFT   30u

size_t smi_wire_region_table_bytes(const struct smi_wire_region *regions,
				   size_t nregions)
{
	size_t length = 4;

	for (size_t i = 0; i < nregions; i++)
		length += FIXED_BYTES + strlen(regions[i].name);
	return length;
}

void smi_wire_region_table_encode(const struct smi_wire_region *regions,
				  size_t nregions, uint8_t *payload)
{
	smi_wire_put_u32(payload, (uint32_t)nregions);
	payload += 4;
	for (size_t i = 0; i < nregions; i++) {
		size_t name_length = strlen(regions[i].name);

		smi_wire_put_u32(payload, (uint32_t)i);
		smi_wire_put_u32(payload + 4, regions[i].page_shift);
		smi_wire_put_u64(payload + 8, regions[i].gpa);
		smi_wire_put_u64(payload + 16, regions[i].size_bytes);
		smi_wire_put_u32(payload + 24, (uint32_t)name_length);
		memcpy(payload + FIXED_BYTES, regions[i].name, name_length);
		payload += FIXED_BYTES + name_length;
	}
}

static int bad_region(size_t index, const char *what, struct smudge_error *err)
{
	return smudge_error_set(err, -EBADMSG, "wire",
				"region %zu of the REGION_TABLE record is "
				"malformed: %s",
				index, what);
}

static int check_region(const struct smi_wire_region *region, size_t index,
			struct smudge_error *err)
{
	uint64_t page_bytes;

	if (region->page_shift < MIN_SHIFT || region->page_shift > MAX_SHIFT)
		return bad_region(index, "page_shift is not 12 to 30", err);
	page_bytes = UINT64_C(1) << region->page_shift;
	if (!region->size_bytes)
		return bad_region(index, "it is empty", err);
	if (region->size_bytes % page_bytes)
		return bad_region(index, "it ends within a page", err);
	if (region->gpa % page_bytes)
		return bad_region(index, "it begins within a page", err);
	if (region->size_bytes > UINT64_MAX - region->gpa)
		return bad_region(index, "it ends beyond 2^64", err);
	return 0;
}

static int read_name(struct byte_cursor *cursor, size_t index,
		     struct smi_wire_region *region, struct smudge_error *err)
{
	uint32_t length = byte_cursor_read_u32(cursor);
	const uint8_t *name;

	if (!length || length > SMI_WIRE_MAX_NAME)
		return bad_region(index, "its name is not 1 to 63 bytes", err);
	name = byte_cursor_read(cursor, length);
	if (!name)
		return bad_region(index, "it is cut off", err);
	if (memchr(name, 0, length))
		return bad_region(index, "its name holds a NUL", err);
	memcpy(region->name, name, length);
	region->name[length] = '\0';
	return 0;
}

static int read_region(struct byte_cursor *cursor, size_t index,
		       struct smi_wire_region *region, struct smudge_error *err)
{
	uint32_t id = byte_cursor_read_u32(cursor);
	int ret;

	region->page_shift = byte_cursor_read_u32(cursor);
	region->gpa = byte_cursor_read_u64(cursor);
	region->size_bytes = byte_cursor_read_u64(cursor);
	if (cursor->failed)
		return bad_region(index, "it is cut off", err);
	if (id != index)
		return bad_region(index, "ids must count from 0", err);
	ret = check_region(region, index, err);
	if (ret < 0)
		return ret;
	return read_name(cursor, index, region, err);
}

static int read_regions(struct byte_cursor *cursor, size_t nregions,
			struct smi_wire_region *regions,
			struct smudge_error *err)
{
	for (size_t i = 0; i < nregions; i++) {
		int ret = read_region(cursor, i, &regions[i], err);

		if (ret < 0)
			return ret;
		if (i && regions[i].gpa <
				 regions[i - 1].gpa + regions[i - 1].size_bytes)
			return bad_region(
				i, "it begins before the previous one ends",
				err);
	}
	if (!byte_cursor_is_done(cursor))
		return smudge_error_set(err, -EBADMSG, "wire",
					"the REGION_TABLE record has %zu "
					"bytes too many",
					cursor->left_bytes);
	return 0;
}

int smi_wire_region_table_decode(const uint8_t *payload, size_t length,
				 struct smi_wire_region **ret_regions,
				 size_t *ret_nregions, struct smudge_error *err)
{
	struct byte_cursor cursor = byte_cursor(payload, length);
	uint32_t nregions = byte_cursor_read_u32(&cursor);
	struct smi_wire_region *regions;
	int ret;

	if (!nregions || nregions > SMI_WIRE_MAX_REGIONS)
		return smudge_error_set(err, -EBADMSG, "wire",
					"the REGION_TABLE record claims "
					"%" PRIu32 " regions, not 1 to %u",
					nregions, SMI_WIRE_MAX_REGIONS);
	regions = calloc(nregions, sizeof(*regions));
	if (!regions)
		return smudge_error_set(err, -ENOMEM, "wire",
					"no memory for %" PRIu32 " regions",
					nregions);
	ret = read_regions(&cursor, nregions, regions, err);
	if (ret < 0) {
		free(regions);
		return ret;
	}
	*ret_regions = regions;
	*ret_nregions = nregions;
	return 0;
}
