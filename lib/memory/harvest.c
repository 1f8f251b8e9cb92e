/* SPDX-License-Identifier: MIT */
/*
 * Harvest: what the sources learned goes into every view's bitmap, in one
 * pass. A source that fails leaves its whole range dirty: unknown means dirty.
 */
#include "memory/memory.h"

#include <errno.h>

#include "bitmap/merge.h"
#include "sys/error.h"

static void mark_all_views(const struct smudge_source *source)
{
	const struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);

	for (size_t i = 0; i < region->nviews; i++)
		smudge_bitmap_set_range(region->bitmaps[i], source->first_page,
					source->npages);
}

int smi_source_harvest(struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_sink sink = {source, region, 0};
	uint64_t start_ns = smi_now_ns();
	int ret = source->ops.harvest(source->opaque, &sink, &own);

	ret = smi_callback_check(&own, ret, source->ops.name, "harvest");
	if (ret < 0) {
		mark_all_views(source);
		source->harvest_errors++;
		smi_add(&region->memory->counters.harvest_errors, 1);
		smudge_error_set(&own, ret, source->ops.name,
				 "cannot harvest region %s", region->name);
		smudge_error_at(&own, region->id, source->first_page);
		smi_error_keep(err, &own);
	}
	source->harvests++;
	source->harvest_ns += smi_now_ns() - start_ns;
	source->harvested_pages += sink.pages;
	smi_add(&region->memory->counters.harvested_pages, sink.pages);
	return ret;
}

static int harvest_region(struct smudge_region *region,
			  struct smudge_error *err)
{
	struct smi_counters *counters = &region->memory->counters;
	uint64_t start_ns = smi_now_ns();
	int first = 0;

	pthread_mutex_lock(&region->lock);
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int r = s->is_running ? smi_source_harvest(s, err) : 0;

		if (r < 0 && first == 0)
			first = r;
	}
	if (region->nviews) {
		smi_add(&counters->harvests, 1);
		smi_add(&counters->harvest_ns, smi_now_ns() - start_ns);
	}
	pthread_mutex_unlock(&region->lock);
	return first;
}

int smudge_region_harvest(struct smudge_region *region,
			  struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_region(region, err);
}

int smudge_memory_harvest(struct smudge_memory *memory,
			  struct smudge_error *err)
{
	const struct smi_region_table *table;
	int first = 0;

	smudge_error_clear(err);
	pthread_mutex_lock(&memory->lock);
	table = atomic_load_explicit(&memory->table, memory_order_relaxed);
	for (size_t i = 0; i < table->n; i++) {
		int r = harvest_region(table->regions[i], err);

		if (r < 0 && first == 0)
			first = r;
	}
	pthread_mutex_unlock(&memory->lock);
	return first;
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
	last = length_bytes - 1 > UINT64_MAX - offset_bytes
		       ? UINT64_MAX
		       : offset_bytes + length_bytes - 1;
	last >>= shift;
	if (last >= source->npages)
		last = source->npages - 1;
	for (size_t i = 0; i < region->nviews; i++)
		smudge_bitmap_set_range(region->bitmaps[i],
					source->first_page + first,
					last - first + 1);
	sink->pages += last - first + 1;
}

/* Pages of another size than the region's: run by run, as bytes. */
static void sink_scaled(struct smudge_sink *sink, uint64_t first_page,
			const void *bits, uint64_t first_bit, uint64_t npages,
			unsigned int page_shift)
{
	const struct smudge_source *source = sink->source;
	uint64_t bytes = source->npages << sink->region->page_shift;
	struct smudge_run run;
	uint64_t limit, at = 0;

	/* Larger than any range: one page is all of it. */
	if (page_shift > 63)
		page_shift = 63;
	limit = ((bytes - 1) >> page_shift) + 1;
	if (first_page >= limit)
		return;
	if (npages > limit - first_page)
		npages = limit - first_page;
	while (smi_bits_next_run(bits, first_bit, at, npages, &run)) {
		smudge_sink_range(sink,
				  (first_page + run.first_page) << page_shift,
				  run.npages << page_shift);
		at = run.first_page + run.npages;
	}
}

void smudge_sink_bitmap(struct smudge_sink *sink, uint64_t first_page,
			const void *bits, uint64_t first_bit, uint64_t npages,
			unsigned int page_shift)
{
	const struct smudge_source *source = sink->source;
	const struct smudge_region *region = sink->region;
	uint64_t limit = source->npages;

	if (page_shift != region->page_shift) {
		sink_scaled(sink, first_page, bits, first_bit, npages,
			    page_shift);
		return;
	}
	if (first_page >= limit)
		return;
	if (npages > limit - first_page)
		npages = limit - first_page;
	smi_bitmap_merge(region->bitmaps, region->nviews,
			 source->first_page + first_page, bits, first_bit,
			 npages, &sink->pages);
}
