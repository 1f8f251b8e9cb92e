/* SPDX-License-Identifier: MIT */
/*
 * Reading a region's memory while others write it: the one way to the content
 * of pages that were taken. sys/page.h explains why that is sound. Memory that
 * this process does not map is read by the region's own operation.
 */
#include "memory/objects.h"

#include <errno.h>
#include <inttypes.h>

#include "sys/error.h"
#include "sys/page.h"

/* The range lies in the region. */
static int read_bytes(const struct smudge_region *region, uint64_t offset_bytes,
		      size_t length_bytes, void *buffer,
		      struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret;

	if (region->hva) {
		smi_sys_page_copy(buffer, region->hva + offset_bytes,
				  length_bytes);
		return 0;
	}
	ret = region->read(region->read_opaque, offset_bytes, length_bytes,
			   buffer, &own);
	ret = smi_sys_callback_check(&own, ret, region->name, "read");
	if (ret < 0) {
		smudge_error_set(&own, ret, "region", "cannot read region %s",
				 region->name);
		smudge_error_at(&own, region->id,
				offset_bytes >> region->page_shift);
		smi_sys_error_keep(err, &own);
	}
	return ret;
}

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
	return read_bytes(region, offset_bytes, length_bytes, buffer, err);
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
	return read_bytes(region, first_page << region->page_shift,
			  npages << region->page_shift, buffer, err);
}
