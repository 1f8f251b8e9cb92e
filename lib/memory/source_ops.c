/* SPDX-License-Identifier: MIT */
/*
 * The calls into a source: start, stop, harvest or look, re-arm. Operations may
 * be the program's own code, so their results are checked, here and nowhere
 * else. If a source fails to report, its whole range becomes dirty: unknown
 * means dirty.
 */
#include "memory/source_ops.h"

#include <errno.h>

#include "bitmap/batch.h"
#include "memory/sink.h"
#include "sys/clock.h"
#include "sys/error.h"
#include "sys/log.h"
#include "sys/probe.h"

static struct smudge_source_range range_of(const struct smudge_region *region,
					   const struct smudge_source *source)
{
	uint64_t offset_bytes = source->first_page << region->page_shift;

	return (struct smudge_source_range){
		.hva = region->hva ? region->hva + offset_bytes : NULL,
		.gpa = region->gpa + offset_bytes,
		.first_page = source->first_page,
		.npages = source->npages,
		.page_shift = region->page_shift,
	};
}

int smi_source_start(struct smudge_region *region, struct smudge_source *source,
		     struct smudge_error *err)
{
	struct smudge_source_range range = range_of(region, source);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	int ret = source->ops.start(source->opaque, &range, &own);

	ret = smi_sys_callback_check(&own, ret, source->ops.name, "start");
	if (ret < 0) {
		smudge_error_set(&own, ret, source->ops.name,
				 "cannot start to watch region %s",
				 region->name);
		smudge_error_at(&own, region->id, source->first_page);
		smi_sys_error_keep(err, &own);
		return ret;
	}
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, source->ops.name,
		    "the source watches %llu pages of region %s",
		    (unsigned long long)source->npages, region->name);
	source->is_running = true;
	source->takes_rearm = !region->nquiesced;
	source->armed_when_quiesced = false;
	return 0;
}

void smi_source_stop(struct smudge_source *source)
{
	if (!source->is_running)
		return;
	source->ops.stop(source->opaque);
	source->is_running = false;
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, source->ops.name,
		    "the source watches region %s no more",
		    smi_source_region(source)->name);
}

/* The source has its new size, and runs. */
static int grow(struct smudge_source *source, struct smudge_error *own)
{
	struct smudge_source_range range =
		range_of(smi_source_region(source), source);
	int ret = source->ops.grow(source->opaque, &range, own);

	return smi_sys_callback_check(own, ret, source->ops.name, "grow");
}

int smi_source_grow(struct smudge_source *source, uint64_t npages,
		    struct smudge_error *err)
{
	const struct smudge_region *region = smi_source_region(source);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t before = source->npages;
	int ret;

	source->npages = npages;
	ret = source->is_running ? grow(source, &own) : 0;
	if (ret < 0) {
		source->npages = before;
		smudge_error_set(&own, ret, source->ops.name,
				 "cannot watch more of region %s",
				 region->name);
		smudge_error_at(&own, region->id, source->first_page + before);
		smi_sys_error_keep(err, &own);
		return ret;
	}
	/* New pages were armed while I/O may be in flight. */
	source->armed_when_quiesced = false;
	return 0;
}

void smi_source_shrink(struct smudge_source *source, uint64_t npages)
{
	struct smudge_source_range range;

	source->npages = npages;
	if (!source->is_running)
		return;
	range = range_of(smi_source_region(source), source);
	source->ops.shrink(source->opaque, &range);
}

static void count(struct smudge_source *source, enum smi_harvest how,
		  uint64_t pages, uint64_t ns)
{
	struct smi_counters *counters =
		&smi_source_region(source)->memory->counters;

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

/* What a user sees only as more dirty pages. */
static void tell(const struct smudge_source *source,
		 const struct smudge_sink *sink, const struct smudge_error *own)
{
	const char *name = source->ops.name;

	if (own->code)
		SMI_SYS_LOG(SMUDGE_LOG_WARNING, name,
			    "all %llu pages of the source are dirty in region "
			    "%s: %s",
			    (unsigned long long)source->npages,
			    sink->region->name, own->message);
	if (sink->unsure_pages && !source->unsure_pages)
		SMI_SYS_LOG(SMUDGE_LOG_INFO, name,
			    "in region %s %llu pages are reported that may not "
			    "have changed (unsure_pages)",
			    sink->region->name,
			    (unsigned long long)sink->unsure_pages);
}

/* Let the source report. A failure makes its whole range dirty for all. */
static int fetch(struct smudge_source *source, enum smi_harvest how,
		 struct smudge_error *err)
{
	struct smudge_region *region = smi_source_region(source);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_sink sink = {.source = source, .region = region};
	uint64_t start_ns = smi_sys_now_ns(), spent_ns;
	int ret;

	SMI_SYS_PROBE(harvest_begin, region->name, source->ops.name, how);
	ret = how == SMI_LOOK
		      ? source->ops.look(source->opaque, &sink, &own)
		      : source->ops.harvest(source->opaque, &sink, &own);
	smi_sink_flush(&sink);
	ret = smi_sys_callback_check(&own, ret, source->ops.name,
				     how == SMI_LOOK ? "look" : "harvest");
	if (ret < 0) {
		smi_region_report(region, source->first_page, source->npages);
		source->harvest_errors++;
		smi_add(&region->memory->counters.harvest_errors, 1);
		smudge_error_set(&own, ret, source->ops.name,
				 "cannot harvest region %s", region->name);
		smudge_error_at(&own, region->id, source->first_page);
		smi_sys_error_keep(err, &own);
	}
	spent_ns = smi_sys_now_ns() - start_ns;
	count(source, how, sink.pages, spent_ns);
	SMI_SYS_PROBE(harvest_end, region->name, source->ops.name, how,
		      sink.pages, spent_ns, ret);
	tell(source, &sink, &own);
	source->dropped_pages += sink.dropped_pages;
	source->unsure_pages += sink.unsure_pages;
	return ret;
}

/* Pinned I/O may have written undetected, so quiesced clients read it again. */
static void report_to_quiesced(const struct smudge_source *source)
{
	if (smi_source_region(source)->nquiesced)
		SMI_SYS_LOG(SMUDGE_LOG_INFO, source->ops.name,
			    "all %llu pages of the source are dirty for "
			    "quiesced clients: they were armed while I/O may "
			    "have been in flight",
			    (unsigned long long)source->npages);
	for (struct smi_view *v = smi_region_views(smi_source_region(source));
	     v; v = smi_view_next(v)) {
		if (v->client->is_quiesced)
			smudge_bitmap_set_range(v->bitmap, source->first_page,
						source->npages);
	}
}

int smi_source_rearm(struct smudge_source *source,
		     const struct smudge_batch *batch, struct smudge_error *err)
{
	struct smudge_region *region = smi_source_region(source);
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t start_ns = smi_sys_now_ns();
	int ret = source->ops.rearm(source->opaque, batch, &own);
	uint64_t spent_ns = smi_sys_now_ns() - start_ns;

	source->rearms++;
	source->rearm_ns += spent_ns;
	smi_add(&region->memory->counters.rearm_ns, spent_ns);
	ret = smi_sys_callback_check(&own, ret, source->ops.name, "rearm");
	SMI_SYS_PROBE(rearm, region->name, source->ops.name,
		      smudge_batch_nruns(batch), spent_ns, ret);
	if (ret == 0)
		return 0;
	smudge_error_set(&own, -EIO, source->ops.name,
			 "cannot re-arm pages of region %s", region->name);
	own.code = -EIO; /* whatever the source called it */
	smi_sys_error_keep(err, &own);
	return -EIO;
}

/* With batches of the whole range, which were taken from no bitmap. */
static int rearm_all(struct smudge_source *source, struct smudge_error *err)
{
	uint64_t end = source->first_page + source->npages;
	uint64_t at = source->first_page;
	int ret = 0;

	while (source->ops.rearm && at < end && ret == 0) {
		uint64_t n = end - at < SMI_BATCH_MAX_PAGES
				     ? end - at
				     : SMI_BATCH_MAX_PAGES;
		uint32_t edges[2] = {0, (uint32_t)n};
		const struct smudge_batch batch = {.edges = edges,
						   .max_edges = 2,
						   .nedges = 2,
						   .base_page = at,
						   .end_page = at + n,
						   .is_taken = true};

		ret = smi_source_rearm(source, &batch, err);
		at += n;
	}
	if (ret < 0)
		smudge_error_at(err, smi_source_region(source)->id,
				source->first_page);
	return ret;
}

/* The flags are explained at RE-ARMING in objects.h. */
int smi_source_harvest(struct smudge_source *source, enum smi_harvest how,
		       struct smudge_error *err)
{
	const struct smudge_region *region = smi_source_region(source);
	int ret = fetch(source, how, err);

	if (!source->armed_when_quiesced)
		report_to_quiesced(source);
	switch (how) {
	case SMI_LOOK:
		source->takes_rearm = false;
		break;
	case SMI_HARVEST:
		source->takes_rearm = !region->nquiesced;
		source->armed_when_quiesced = false;
		break;
	case SMI_QUIESCED:
		if (ret == 0)
			ret = rearm_all(source, err);
		/* What could not be re-armed is left to the takes. */
		source->takes_rearm = ret < 0 && !region->nquiesced;
		source->armed_when_quiesced = ret == 0;
		break;
	}
	return ret;
}
