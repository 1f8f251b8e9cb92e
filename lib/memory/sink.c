/* SPDX-License-Identifier: MIT */
/*
 * The sink: what a source reports during a harvest or look goes into the
 * bitmaps of all views at once. Sources call it, and it calls only the bitmap.
 * Reports are clipped to the source's range, and converted from the source's
 * page size to the region's.
 *
 * Runs that follow each other in one block of 4096 pages are collected in the
 * sink, and merged when a run of another block comes or the operation ends: to
 * set the bits of a run in a bitmap costs 13 ns, to collect it 3 ns, and a
 * merge as much as a few runs. So the first runs of a block are not collected.
 * Nothing reads the bitmaps meanwhile: the operation's caller has the region's
 * lock.
 */
#include "memory/sink.h"

#include <endian.h>
#include <string.h>

#include "bitmap/merge.h"
#include "bitmap/scale.h"
#include "common/range.h"

#define BLOCK_PAGES (UINT64_C(64) * SMI_SINK_BLOCK_WORDS)
#define DIRECT_RUNS 4

void smi_sink_flush(struct smudge_sink *sink)
{
	const struct smudge_region *region = sink->region;
	uint64_t first = sink->block * BLOCK_PAGES;

	if (sink->is_collecting)
		smi_bitmap_merge(
			region->bitmaps, region->nbitmaps, first, sink->words,
			0,
			min_u64(smi_region_npages(region) - first, BLOCK_PAGES),
			NULL);
	sink->is_collecting = false;
	sink->nruns = 0;
}

/* Pages of several words of the block. */
static __attribute__((noinline)) void
collect_words(struct smudge_sink *sink, uint64_t first, uint64_t last)
{
	uint64_t head = ~UINT64_C(0) << first % 64;
	uint64_t tail = ~UINT64_C(0) >> (63 - last % 64);

	first /= 64;
	last /= 64;
	sink->words[first++] |= htole64(head);
	while (first < last)
		sink->words[first++] = ~UINT64_C(0);
	sink->words[last] |= htole64(tail);
}

/* Pages [first, last] of the block; the words are little-endian. */
static void collect(struct smudge_sink *sink, uint64_t first, uint64_t last)
{
	uint64_t head = ~UINT64_C(0) << first % 64;
	uint64_t tail = ~UINT64_C(0) >> (63 - last % 64);

	if (first / 64 == last / 64)
		sink->words[first / 64] |= htole64(head & tail);
	else
		collect_words(sink, first, last);
}

/* A run that is not collected: of another block, of several, or a first one. */
static __attribute__((noinline)) void report_now(struct smudge_sink *sink,
						 uint64_t first, uint64_t last)
{
	uint64_t block = first / BLOCK_PAGES;

	if (block != sink->block) {
		smi_sink_flush(sink);
		sink->block = block;
	}
	smi_region_report(sink->region, first, last - first + 1);
	if (sink->is_collecting || ++sink->nruns < DIRECT_RUNS)
		return;
	memset(sink->words, 0, sizeof(sink->words));
	sink->is_collecting = true;
}

/* Pages [first, last] of the region are dirty. */
static void report(struct smudge_sink *sink, uint64_t first, uint64_t last)
{
	if (sink->is_collecting && first / BLOCK_PAGES == sink->block &&
	    last / BLOCK_PAGES == sink->block)
		collect(sink, first % BLOCK_PAGES, last % BLOCK_PAGES);
	else
		report_now(sink, first, last);
}

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
	sink->pages += last - first + 1;
	/* a tail call: there is one for each run */
	report(sink, source->first_page + first, source->first_page + last);
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
