/* SPDX-License-Identifier: MIT */
/*
 * Sources: create, attach to regions, detach, destroy.
 *
 * A source runs exactly while it is attached to a region that a client
 * watches. What it detected is harvested before it is detached. When the last
 * client leaves it is only stopped: no bitmap could receive a last harvest.
 */
#include "memory/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "memory/space.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/options.h"
#include "sys/rcu.h"

static int check_ops(const struct smudge_source_ops *ops,
		     struct smudge_error *err)
{
	if (!ops->name)
		return smudge_error_set(err, -EINVAL, "source",
					"a source needs a name: .name is NULL");
	if (!ops->start || !ops->stop || !ops->harvest)
		return smudge_error_set(err, -EINVAL, "source",
					"source %s needs an operation: .%s is "
					"NULL",
					ops->name,
					!ops->start  ? "start"
					: !ops->stop ? "stop"
						     : "harvest");
	if (!ops->grow != !ops->shrink)
		return smudge_error_set(err, -EINVAL, "source",
					"source %s has one of the operations "
					".grow and .shrink, and needs both or "
					"none",
					ops->name);
	return 0;
}

int smudge_source_create(const struct smudge_source_ops *ops, void *opaque,
			 struct smudge_source **ret_source,
			 struct smudge_error *err)
{
	struct smudge_source_ops own;
	struct smudge_source *source;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(&own, ops,
				   SMI_SYS_SHAPE(smudge_source_ops, destroy),
				   "source", err);
	if (ret == 0)
		ret = check_ops(&own, err);
	if (ret < 0)
		return ret;
	source = calloc(1, sizeof(*source));
	if (!source)
		return smudge_error_set(err, -ENOMEM, "source",
					"no memory for source %s", own.name);
	source->ops = own;
	source->opaque = opaque;
	atomic_init(&source->region, NULL);
	*ret_source = source;
	return 0;
}

int smi_sources_start(struct smudge_region *region, struct smudge_error *err)
{
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int ret = smi_source_start(region, s, err);

		if (ret < 0) {
			smi_sources_stop(region);
			return ret;
		}
	}
	return 0;
}

void smi_sources_stop(struct smudge_region *region)
{
	for (struct smudge_source *s = region->sources; s; s = s->next)
		smi_source_stop(s);
}

int smi_sources_harvest(struct smudge_region *region, enum smi_harvest how,
			struct smudge_error *err)
{
	int first = 0;

	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int ret = s->is_running ? smi_source_harvest(s, how, err) : 0;

		if (ret < 0 && first == 0)
			first = ret;
	}
	return first;
}

int smi_sources_rearm(struct smudge_region *region,
		      const struct smudge_batch *batch,
		      struct smudge_error *err)
{
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int ret = 0;

		if (s->is_running && s->takes_rearm && s->ops.rearm)
			ret = smi_source_rearm(s, batch, err);
		if (ret < 0)
			return ret;
	}
	return 0;
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

/* A source that covers its pages, whatever the region's size is. */
static int check_fixed(const struct smudge_region *region,
		       const struct smudge_source *source, uint64_t npages,
		       struct smudge_error *err)
{
	if (source->first_page + source->npages <= npages)
		return 0;
	return smudge_error_set(err, -EBUSY, source->ops.name,
				"it covers pages of region %s behind the new "
				"end; detach it first",
				region->name);
}

/* A source that covers the pages up to the region's end. */
static int check_to_end(const struct smudge_region *region,
			const struct smudge_source *source, uint64_t npages,
			struct smudge_error *err)
{
	if (!source->ops.grow)
		return smudge_error_set(
			err, -EOPNOTSUPP, source->ops.name,
			"it covers region %s to its end and cannot be resized; "
			"attach it to its own pages only",
			region->name);
	if (source->first_page < npages)
		return 0;
	return smudge_error_set(err, -EBUSY, source->ops.name,
				"it covers only pages of region %s behind the "
				"new end; detach it first",
				region->name);
}

int smi_sources_check_size(const struct smudge_region *region, uint64_t npages,
			   struct smudge_error *err)
{
	for (const struct smudge_source *s = region->sources; s; s = s->next) {
		int ret = s->is_to_end ? check_to_end(region, s, npages, err)
				       : check_fixed(region, s, npages, err);

		if (ret < 0) {
			smudge_error_at(err, region->id, s->first_page);
			return ret;
		}
	}
	return 0;
}

/* Those before @end in the list. */
static void shrink_until(struct smudge_region *region,
			 const struct smudge_source *end, uint64_t npages)
{
	for (struct smudge_source *s = region->sources; s != end; s = s->next) {
		if (s->is_to_end)
			smi_source_shrink(s, npages - s->first_page);
	}
}

void smi_sources_shrink(struct smudge_region *region, uint64_t npages)
{
	shrink_until(region, NULL, npages);
}

int smi_sources_grow(struct smudge_region *region, uint64_t npages,
		     struct smudge_error *err)
{
	for (struct smudge_source *s = region->sources; s; s = s->next) {
		int ret = 0;

		if (s->is_to_end)
			ret = smi_source_grow(s, npages - s->first_page, err);
		if (ret < 0) {
			shrink_until(region, s, smi_region_npages(region));
			return ret;
		}
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
	if (smi_region_is_watched(region)) {
		int ret = smi_source_start(region, source, err);

		if (ret < 0)
			return ret;
	}
	smi_region_report(region, source->first_page, source->npages);
	source->next = region->sources;
	region->sources = source;
	return 0;
}

int smudge_region_attach(struct smudge_region *region,
			 struct smudge_source *source, uint64_t first_page,
			 uint64_t npages, struct smudge_error *err)
{
	struct smudge_region *nowhere = NULL;
	uint64_t end;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(region->memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&region->lock);
	end = smi_region_npages(region);
	if (first_page >= end || npages > end - first_page)
		return smudge_error_set(err, -EINVAL, source->ops.name,
					"%" PRIu64 " pages from page %" PRIu64
					" on are not in region %s of %" PRIu64
					" pages",
					npages, first_page, region->name, end);
	if (!atomic_compare_exchange_strong_explicit(
		    &source->region, &nowhere, region, memory_order_acq_rel,
		    memory_order_acquire))
		return smudge_error_set(err, -EBUSY, source->ops.name,
					"it is attached to a region already: "
					"detach it first");
	source->first_page = first_page;
	source->npages = npages ? npages : end - first_page;
	source->is_to_end = !npages;
	ret = attach_locked(region, source, err);
	if (ret < 0)
		atomic_store_explicit(&source->region, NULL,
				      memory_order_release);
	return ret;
}

int smi_source_detach_locked(struct smudge_source *source,
			     struct smudge_error *err)
{
	struct smudge_source **link = &smi_source_region(source)->sources;
	int ret = 0;

	if (source->is_running)
		ret = smi_source_harvest(source, SMI_HARVEST, err);
	smi_source_stop(source);
	while (*link != source)
		link = &(*link)->next;
	*link = source->next;
	source->next = NULL;
	atomic_store_explicit(&source->region, NULL, memory_order_release);
	return ret;
}

/*
 * The region a source is attached to, or NULL, and its memory. The RCU section
 * keeps the region from being freed if it is removed at this moment.
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
			if (smi_source_region(source) == region)
				return region;
			/* the attachment has failed and is undone */
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

static int detach(struct smudge_source *source, struct smudge_error *err)
{
	SMI_SYS_LOG_SCOPE();
	struct smudge_region *region = smi_source_lock(source);
	int ret;

	if (!region)
		return 0;
	ret = smi_source_detach_locked(source, err);
	smi_source_unlock(region);
	return ret;
}

int smudge_source_detach(struct smudge_source *source, struct smudge_error *err)
{
	struct smudge_memory *memory;
	int ret = 0;

	smudge_error_clear(err);
	if (look_up(source, &memory))
		ret = smi_memory_check_space(memory, err);
	return ret < 0 ? ret : detach(source, err);
}

static bool is_inherited(const struct smudge_source *source)
{
	struct smudge_memory *memory;

	return look_up(source, &memory) &&
	       smi_memory_check_space(memory, NULL) < 0;
}

/*
 * In a child of fork(2), without the locks, which threads that the child does
 * not have may hold. There is nothing to harvest for, and no call uses the
 * region here.
 */
static void leave_inherited(struct smudge_source *source)
{
	struct smudge_source **link = &smi_source_region(source)->sources;

	smi_source_stop(source);
	while (*link && *link != source)
		link = &(*link)->next;
	if (*link)
		*link = source->next;
}

void smudge_source_destroy(struct smudge_source *source)
{
	if (!source)
		return;
	if (is_inherited(source))
		leave_inherited(source);
	else
		detach(source, NULL);
	if (source->ops.destroy)
		source->ops.destroy(source->opaque);
	free(source);
}
