/* SPDX-License-Identifier: MIT */
/*
 * The sink: what a source reports during a harvest or look goes into the
 * bitmaps of all views at once. Sources call it, and it calls only the bitmap.
 * Reports are clipped to the source's range, and converted from the source's
 * page size to the region's.
 */
#include "memory/objects.h"

#include "bitmap/merge.h"
#include "bitmap/scale.h"
#include "common/range.h"

void smudge_sink_range(struct smudge_sink *sink, uint64_t offset_bytes,
		       uint64_t length_bytes)
{
	const struct smudge_source *source = sink->source;
	const struct smudge_region *region = sink->region;
	unsigned int shift = region->page_shift;
	uint64_t first = offset_bytes >> shift;
	uint64_t last;

	if (!length_bytes || first >= source->npages)
		return;
	last = range_last(offset_bytes, length_bytes) >> shift;
	if (last >= source->npages)
		last = source->npages - 1;
	smi_region_report(region, source->first_page + first, last - first + 1);
	sink->pages += last - first + 1;
}

void smudge_sink_dropped(struct smudge_sink *sink, uint64_t offset_bytes,
			 uint64_t length_bytes, bool is_sure)
{
	uint64_t before = sink->pages;

	smudge_sink_range(sink, offset_bytes, length_bytes);
	if (is_sure)
		sink->dropped_pages += sink->pages - before;
	else
		sink->unsure_pages += sink->pages - before;
}

/* Pages of another size than the region's; some may be beyond the range. */
static void sink_scaled(struct smudge_sink *sink, struct smi_scaled *from,
			unsigned int page_shift)
{
	const struct smudge_source *source = sink->source;
	const struct smudge_region *region = sink->region;
	unsigned int shift = region->page_shift;
	uint64_t limit;

	/* Larger than any range: one page is all of it. */
	if (page_shift > 63)
		page_shift = 63;
	from->is_finer = page_shift < shift;
	from->shift = from->is_finer ? shift - page_shift : page_shift - shift;
	from->base_page = source->first_page;
	from->limit_pages = source->npages;
	limit = (((source->npages << shift) - 1) >> page_shift) + 1;
	if (from->first_page >= limit)
		return;
	from->npages = min_u64(from->npages, limit - from->first_page);
	smi_bitmap_merge_scaled(region->bitmaps, region->nbitmaps, from,
				&sink->pages);
}

void smudge_sink_bitmap(struct smudge_sink *sink, uint64_t first_page,
			const void *bits, uint64_t first_bit, uint64_t npages,
			unsigned int page_shift)
{
	const struct smudge_source *source = sink->source;
	const struct smudge_region *region = sink->region;
	uint64_t limit = source->npages;
	struct smi_scaled scaled = {.bits = bits,
				    .first_bit = first_bit,
				    .first_page = first_page,
				    .npages = npages};

	if (page_shift != region->page_shift) {
		sink_scaled(sink, &scaled, page_shift);
		return;
	}
	if (first_page >= limit)
		return;
	if (npages > limit - first_page)
		npages = limit - first_page;
	smi_bitmap_merge(region->bitmaps, region->nbitmaps,
			 source->first_page + first_page, bits, first_bit,
			 npages, &sink->pages);
}
