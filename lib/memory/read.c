/* SPDX-License-Identifier: MIT */
/*
 * Reading a region's memory while others write it: the one way to the content
 * of pages that were taken. sys/page.h explains why that is sound.
 */
#include "memory/objects.h"

#include <errno.h>
#include <inttypes.h>

#include "sys/page.h"

int smudge_region_read_bytes(const struct smudge_region *region,
			     uint64_t offset_bytes, size_t length_bytes,
			     void *buffer, struct smudge_error *err)
{
	uint64_t size_bytes = smi_region_npages(region) << region->page_shift;

	smudge_error_clear(err);
	if (offset_bytes > size_bytes ||
	    length_bytes > size_bytes - offset_bytes)
		return smudge_error_set(
			err, -EINVAL, "region",
			"%zu bytes from byte %" PRIu64
			" on are not in region %s of %" PRIu64 " bytes",
			length_bytes, offset_bytes, region->name, size_bytes);
	smi_sys_page_copy(buffer, region->hva + offset_bytes, length_bytes);
	return 0;
}

int smudge_region_read(const struct smudge_region *region, uint64_t first_page,
		       uint64_t npages, void *buffer, struct smudge_error *err)
{
	smudge_error_clear(err);
	if (!smi_region_has(region, first_page, npages))
		return smudge_error_set(err, -EINVAL, "region",
					"%" PRIu64 " pages from page %" PRIu64
					" on are not in region %s of %" PRIu64
					" pages",
					npages, first_page, region->name,
					smi_region_npages(region));
	smi_sys_page_copy(buffer,
			  region->hva + (first_page << region->page_shift),
			  npages << region->page_shift);
	return 0;
}
