/* SPDX-License-Identifier: MIT */
/*
 * Sources: their attachment to regions, start and stop, re-arming, detaching.
 *
 * A source runs exactly while it is attached to a region with views. What it
 * learned is harvested before it stops for good; "stop" with nobody left to
 * tell is just a stop.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap/batch.h"
#include "sys/error.h"
#include "sys/rcu.h"

/* What the operations had when they were first published. */
#define FIRST_SIZE offsetof(struct smudge_source_ops, look)

int smudge_source_create(const struct smudge_source_ops *ops, void *opaque,
			 struct smudge_source **ret)
{
	struct smudge_source *source;

	if (ops->size < FIRST_SIZE || !ops->name || !ops->start || !ops->stop ||
	    !ops->harvest)
		return -EINVAL;
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	/* What a shorter struct does not have stays NULL. */
	memcpy(&source->ops, ops,
	       ops->size < sizeof(*ops) ? ops->size : sizeof(*ops));
	source->opaque = opaque;
	atomic_init(&source->region, NULL);
	*ret = source;
	return 0;
}

static int start_source(struct smudge_region *region,
			struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_source_range range = {
		.hva = region->hva + (source->first_page << region->page_shift),
		.gpa = region->gpa + (source->first_page << region->page_shift),
		.first_page = source->first_page,
		.npages = source->npages,
		.page_shift = region->page_shift,
	};
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
	source->is_running = true;
	source->takes_rearm = !region->nquiesced;
	source->armed_when_quiesced = false;
	return 0;
}

static void stop_source(struct smudge_source *source)
{
	if (source->is_running)
		source->ops.stop(source->opaque);
	source->is_running = false;
}

int smi_sources_start(struct smudge_region *region, struct smudge_error *err)
{
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int r = start_source(region, s, err);

		if (r < 0) {
			smi_sources_stop(region);
			return r;
		}
	}
	return 0;
}

void smi_sources_stop(struct smudge_region *region)
{
	for (struct smudge_source *s = region->sources; s; s = s->next)
		stop_source(s);
}

static int rearm(struct smudge_region *region, struct smudge_source *s,
		 const struct smudge_batch *batch, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	uint64_t start_ns = smi_sys_now_ns();
	int r = s->ops.rearm(s->opaque, batch, &own);
	uint64_t spent_ns = smi_sys_now_ns() - start_ns;

	s->rearms++;
	s->rearm_ns += spent_ns;
	smi_add(&region->memory->counters.rearm_ns, spent_ns);
	r = smi_sys_callback_check(&own, r, s->ops.name, "rearm");
	if (r == 0)
		return 0;
	smudge_error_set(&own, -EIO, s->ops.name,
			 "cannot re-arm pages of region %s", region->name);
	own.code = -EIO; /* whatever the source called it */
	smi_sys_error_keep(err, &own);
	return -EIO;
}

int smi_sources_rearm(struct smudge_region *region,
		      const struct smudge_batch *batch,
		      struct smudge_error *err)
{
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int r = 0;

		if (s->is_running && s->takes_rearm && s->ops.rearm)
			r = rearm(region, s, batch, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A batch of the whole range, without a bitmap that it was taken from. */
int smi_source_rearm_all(struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	uint64_t end = source->first_page + source->npages;
	uint64_t at = source->first_page;
	int r = 0;

	while (source->ops.rearm && at < end && r == 0) {
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

		r = rearm(region, source, &batch, err);
		at += n;
	}
	return r;
}

void smi_sources_hold(struct smudge_region *region)
{
	for (struct smudge_source *s = region->sources; s; s = s->next)
		s->takes_rearm = false;
}

int smi_sources_check_look(const struct smudge_region *region,
			   struct smudge_error *err)
{
	for (const struct smudge_source *s = region->sources; s; s = s->next) {
		if (s->ops.look)
			continue;
		smudge_error_set(err, -EOPNOTSUPP, s->ops.name,
				 "the source has no look, so region %s cannot "
				 "be read without re-arming its writers",
				 region->name);
		smudge_error_at(err, region->id, s->first_page);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int attach_locked(struct smudge_region *region,
			 struct smudge_source *source, struct smudge_error *err)
{
	if (region->nquiesced && !source->ops.look)
		return smudge_error_set(
			err, -EOPNOTSUPP, source->ops.name,
			"the source has no look, and a client of region %s "
			"lets only quiesced harvests re-arm",
			region->name);
	if (region->nviews) {
		int r = start_source(region, source, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < region->nviews; i++)
		smudge_bitmap_set_range(region->bitmaps[i], source->first_page,
					source->npages);
	source->next = region->sources;
	region->sources = source;
	return 0;
}

int smudge_region_attach(struct smudge_region *region,
			 struct smudge_source *source, uint64_t first_page,
			 uint64_t npages, struct smudge_error *err)
{
	struct smudge_region *nowhere = NULL;
	int r;

	smudge_error_clear(err);
	if (first_page >= region->npages ||
	    npages > region->npages - first_page)
		return smudge_error_set(err, -EINVAL, source->ops.name,
					"the range ends beyond region %s",
					region->name);
	pthread_mutex_lock(&region->lock);
	if (!atomic_compare_exchange_strong_explicit(
		    &source->region, &nowhere, region, memory_order_acq_rel,
		    memory_order_acquire)) {
		pthread_mutex_unlock(&region->lock);
		return smudge_error_set(err, -EBUSY, source->ops.name,
					"it is attached to a region already");
	}
	source->first_page = first_page;
	source->npages = npages ? npages : region->npages - first_page;
	r = attach_locked(region, source, err);
	if (r < 0)
		atomic_store_explicit(&source->region, NULL,
				      memory_order_release);
	pthread_mutex_unlock(&region->lock);
	return r;
}

int smi_source_detach_locked(struct smudge_source *source,
			     struct smudge_error *err)
{
	struct smudge_region *region =
		atomic_load_explicit(&source->region, memory_order_acquire);
	struct smudge_source **link = &region->sources;
	int r = 0;

	if (source->is_running)
		r = smi_source_harvest(source, SMI_HARVEST, err);
	stop_source(source);
	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	source->next = NULL;
	atomic_store_explicit(&source->region, NULL, memory_order_release);
	return r;
}

/*
 * The region a source is attached to, or NULL, and its memory. The read-side
 * section keeps the region from being freed, should it leave just now.
 */
static struct smudge_region *look_up(const struct smudge_source *source,
				     struct smudge_memory **ret_memory)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();
	struct smudge_region *region;

	region = atomic_load_explicit(&source->region, memory_order_acquire);
	if (region)
		*ret_memory = region->memory;
	smi_sys_rcu_read_unlock(slot);
	return region;
}

struct smudge_region *smi_source_lock(struct smudge_source *source)
{
	struct smudge_region *region;
	struct smudge_memory *memory, *now = NULL;

	while ((region = look_up(source, &memory))) {
		pthread_mutex_lock(&memory->lock);
		/* From here on no region of this memory is freed. */
		if (look_up(source, &now) == region && now == memory) {
			pthread_mutex_lock(&region->lock);
			if (atomic_load_explicit(&source->region,
						 memory_order_acquire) ==
			    region)
				return region;
			/* an attachment that failed has undone itself */
			pthread_mutex_unlock(&region->lock);
		}
		pthread_mutex_unlock(&memory->lock);
	}
	return NULL;
}

void smi_source_unlock(struct smudge_region *region)
{
	struct smudge_memory *memory = region->memory;

	pthread_mutex_unlock(&region->lock);
	pthread_mutex_unlock(&memory->lock);
}

int smudge_source_detach(struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_region *region = smi_source_lock(source);
	int r;

	smudge_error_clear(err);
	if (!region)
		return 0;
	r = smi_source_detach_locked(source, err);
	smi_source_unlock(region);
	return r;
}

void smudge_source_destroy(struct smudge_source *source)
{
	if (!source)
		return;
	smudge_source_detach(source, NULL);
	if (source->ops.destroy)
		source->ops.destroy(source->opaque);
	free(source);
}
