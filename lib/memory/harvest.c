/* SPDX-License-Identifier: MIT */
/*
 * Harvests and looks: what the sources detected goes into every view's bitmap,
 * in one pass. A source that fails leaves its whole range dirty: unknown means
 * dirty. Who re-arms when is explained at RE-ARMING in memory.h.
 */
#include "memory/memory.h"

#include <errno.h>

#include "bitmap/merge.h"
#include "bitmap/words.h"
#include "sys/error.h"

static void mark_all_views(const struct smudge_source *source)
{
	const struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);

	for (size_t i = 0; i < region->nviews; i++)
		smudge_bitmap_set_range(region->bitmaps[i], source->first_page,
					source->npages);
}

static void count_source(struct smudge_source *source, enum smi_harvest how,
			 uint64_t pages, uint64_t ns)
{
	struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	struct smi_counters *counters = &region->memory->counters;

	if (how == SMI_LOOK) {
		source->looks++;
		source->look_ns += ns;
		source->looked_pages += pages;
		smi_add(&counters->looked_pages, pages);
	} else {
		source->harvests++;
		source->harvest_ns += ns;
		source->harvested_pages += pages;
		smi_add(&counters->harvested_pages, pages);
	}
}

/* Let the source report. A failure makes its whole range dirty for all. */
static int fetch(struct smudge_source *source, enum smi_harvest how,
		 struct smudge_error *err)
{
	struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_sink sink = {.source = source, .region = region};
	uint64_t start_ns = smi_sys_now_ns();
	int ret = how == SMI_LOOK
			  ? source->ops.look(source->opaque, &sink, &own)
			  : source->ops.harvest(source->opaque, &sink, &own);

	ret = smi_sys_callback_check(&own, ret, source->ops.name,
				     how == SMI_LOOK ? "look" : "harvest");
	if (ret < 0) {
		mark_all_views(source);
		source->harvest_errors++;
		smi_add(&region->memory->counters.harvest_errors, 1);
		smudge_error_set(&own, ret, source->ops.name,
				 "cannot harvest region %s", region->name);
		smudge_error_at(&own, region->id, source->first_page);
		smi_sys_error_keep(err, &own);
	}
	count_source(source, how, sink.pages, smi_sys_now_ns() - start_ns);
	source->dropped_pages += sink.dropped_pages;
	source->unsure_pages += sink.unsure_pages;
	return ret;
}

/* What pinned I/O may have written unseen, the quiesced clients read again. */
static void mark_quiesced_views(const struct smudge_source *source)
{
	const struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);

	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (v->client->is_quiesced)
			smudge_bitmap_set_range(v->bitmap, source->first_page,
						source->npages);
	}
}

/* The flags are explained at RE-ARMING in memory.h. */
int smi_source_harvest(struct smudge_source *source, enum smi_harvest how,
		       struct smudge_error *err)
{
	const struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	int r = fetch(source, how, err);

	if (!source->armed_when_quiesced)
		mark_quiesced_views(source);
	switch (how) {
	case SMI_LOOK:
		source->takes_rearm = false;
		break;
	case SMI_HARVEST:
		source->takes_rearm = !region->nquiesced;
		source->armed_when_quiesced = false;
		break;
	case SMI_QUIESCED:
		if (r == 0) {
			r = smi_source_rearm_all(source, err);
			if (r < 0)
				smudge_error_at(err, region->id,
						source->first_page);
		}
		/* What could not be re-armed is left to the takes. */
		source->takes_rearm = r < 0 && !region->nquiesced;
		source->armed_when_quiesced = r == 0;
		break;
	}
	return r;
}

static int harvest_sources(struct smudge_region *region, enum smi_harvest how,
			   struct smudge_error *err)
{
	int first = 0;

	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int r = s->is_running ? smi_source_harvest(s, how, err) : 0;

		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

static void count_region(struct smudge_region *region, enum smi_harvest how,
			 uint64_t ns)
{
	struct smi_counters *counters = &region->memory->counters;

	smi_add(how == SMI_LOOK ? &counters->looks : &counters->harvests, 1);
	smi_add(how == SMI_LOOK ? &counters->look_ns : &counters->harvest_ns,
		ns);
}

static int harvest_region(struct smudge_region *region, enum smi_harvest how,
			  struct smudge_error *err)
{
	uint64_t start_ns = smi_sys_now_ns();
	int r = 0;

	pthread_mutex_lock(&region->lock);
	/* A quiesced client has had every source checked for its look. */
	if (how == SMI_HARVEST && region->nquiesced)
		how = SMI_LOOK;
	else if (how == SMI_LOOK && region->nviews)
		r = smi_sources_check_look(region, err);
	if (r == 0 && region->nviews) {
		r = harvest_sources(region, how, err);
		count_region(region, how, smi_sys_now_ns() - start_ns);
	}
	pthread_mutex_unlock(&region->lock);
	return r;
}

/* memory->lock held. Every region, whatever fails. */
static int harvest_all(struct smudge_memory *memory, enum smi_harvest how,
		       struct smudge_error *err)
{
	const struct smi_region_table *table =
		atomic_load_explicit(&memory->table, memory_order_relaxed);
	int first = 0;

	for (size_t i = 0; i < table->n; i++) {
		int r = harvest_region(table->regions[i], how, err);

		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

static int harvest_memory(struct smudge_memory *memory, enum smi_harvest how,
			  struct smudge_error *err)
{
	int r;

	pthread_mutex_lock(&memory->lock);
	r = harvest_all(memory, how, err);
	pthread_mutex_unlock(&memory->lock);
	return r;
}

int smudge_region_harvest(struct smudge_region *region,
			  struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_region(region, SMI_HARVEST, err);
}

int smudge_memory_harvest(struct smudge_memory *memory,
			  struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_memory(memory, SMI_HARVEST, err);
}

int smudge_region_harvest_quiesced(struct smudge_region *region,
				   struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_region(region, SMI_QUIESCED, err);
}

int smudge_memory_harvest_quiesced(struct smudge_memory *memory,
				   struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_memory(memory, SMI_QUIESCED, err);
}

int smudge_region_look(struct smudge_region *region, struct smudge_error *err)
{
	smudge_error_clear(err);
	return harvest_region(region, SMI_LOOK, err);
}

static int check_look(struct smudge_region *region, struct smudge_error *err)
{
	int r = 0;

	pthread_mutex_lock(&region->lock);
	if (region->nviews)
		r = smi_sources_check_look(region, err);
	pthread_mutex_unlock(&region->lock);
	return r;
}

/* All regions are asked for their look before the first is looked at. */
int smudge_memory_look(struct smudge_memory *memory, struct smudge_error *err)
{
	const struct smi_region_table *table;
	int r = 0;

	smudge_error_clear(err);
	pthread_mutex_lock(&memory->lock);
	table = atomic_load_explicit(&memory->table, memory_order_relaxed);
	for (size_t i = 0; i < table->n && r == 0; i++)
		r = check_look(table->regions[i], err);
	if (r == 0)
		r = harvest_all(memory, SMI_LOOK, err);
	pthread_mutex_unlock(&memory->lock);
	return r;
}

enum smudge_rearm_policy
smudge_region_rearm_policy(struct smudge_region *region)
{
	bool is_quiesced;

	pthread_mutex_lock(&region->lock);
	is_quiesced = region->nquiesced != 0;
	pthread_mutex_unlock(&region->lock);
	return is_quiesced ? SMUDGE_REARM_QUIESCED : SMUDGE_REARM_ALWAYS;
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
