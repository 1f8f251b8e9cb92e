/* SPDX-License-Identifier: MIT */
/*
 * Regions: add, remove, hold.
 *
 * A region becomes visible to markers only when it is complete. It is freed
 * only after a grace period, when no marker can read it any more.
 */
#include "memory/region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/client.h"
#include "memory/populated.h"
#include "memory/space.h"
#include "memory/reclaim.h"
#include "memory/source.h"
#include "memory/table.h"
#include "memory/view.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/options.h"

#define WHERE "region"

static struct smudge_region *new_region(struct smudge_memory *memory,
					const struct smudge_region_options *o)
{
	struct smudge_region *region = calloc(1, sizeof(*region));

	if (!region)
		return NULL;
	region->memory = memory;
	snprintf(region->name, sizeof(region->name), "%s", o->name);
	region->hva = o->hva;
	region->read = o->read;
	region->read_opaque = o->read_opaque;
	region->next_populated = o->next_populated;
	region->gpa = o->gpa;
	smi_region_set_npages(region, o->size_bytes >> o->page_shift);
	region->max_npages = o->max_size_bytes >> o->page_shift;
	region->page_shift = o->page_shift;
	atomic_init(&region->views, NULL);
	pthread_mutex_init(&region->lock, NULL);
	return region;
}

void smi_region_free(struct smudge_region *region)
{
	pthread_mutex_destroy(&region->lock);
	free(region->bitmaps);
	free(region);
}

static void free_retired(struct smudge_memory *memory,
			 struct smi_retired *retired)
{
	smi_region_free((struct smudge_region *)retired); /* first member */
}

/* memory->lock held. Let the clients that watch everything watch it. */
static int watch_by_all(struct smudge_region *region, struct smudge_error *err)
{
	int ret = 0;

	for (struct smudge_client *c = region->memory->clients; c && ret == 0;
	     c = c->next) {
		if (c->watches_all)
			ret = smi_client_watch(c, region, err);
	}
	if (ret < 0) {
		smi_client_unwatch_all(region);
		smi_reclaim_wait(region->memory);
	}
	return ret;
}

/* memory->lock held. From now on markers find the region. Cannot fail. */
static void publish(struct smudge_region *region,
		    struct smi_region_table *table)
{
	struct smudge_memory *memory = region->memory;

	region->id = memory->next_region_id++;
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, "region",
		    "region %s of %llu pages is added", region->name,
		    (unsigned long long)smi_region_npages(region));
	smi_table_publish(memory, table);
	if (smi_reclaim_wait(memory))
		return;
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v))
		smi_view_owe_barrier(v);
}

static int no_memory(const char *name, struct smudge_error *err)
{
	return smudge_error_set(err, -ENOMEM, WHERE, "no memory for region %s",
				name);
}

/* memory->lock held. */
static int add_locked(struct smudge_memory *memory,
		      const struct smudge_region_options *options,
		      struct smudge_region **ret_region,
		      struct smudge_error *err)
{
	struct smi_region_table *table;
	struct smudge_region *region;
	int ret = smi_region_check_room(smi_memory_table(memory), options, err);

	if (ret < 0)
		return ret;
	region = new_region(memory, options);
	if (!region)
		return no_memory(options->name, err);
	table = smi_table_with(smi_memory_table(memory), region);
	ret = table ? watch_by_all(region, err) : no_memory(region->name, err);
	if (ret < 0) {
		smi_region_free(region);
		free(table);
		return ret;
	}
	publish(region, table);
	*ret_region = region;
	return 0;
}

int smudge_region_add(struct smudge_memory *memory,
		      const struct smudge_region_options *options,
		      struct smudge_region **ret_region,
		      struct smudge_error *err)
{
	struct smudge_region_options own;
	int ret;

	smudge_error_clear(err);
	ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_region_options, page_shift),
		WHERE, err);
	if (ret < 0)
		return ret;
	if (!own.page_shift)
		own.page_shift = 12;
	if (!own.max_size_bytes)
		own.max_size_bytes = own.size_bytes;
	ret = smi_region_check_options(&own, err);
	if (ret == 0)
		ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_LOG_SCOPE();
	SMI_SYS_GUARD(&memory->lock);
	return add_locked(memory, &own, ret_region, err);
}

/* memory->lock held. */
static int check_removable(const struct smudge_region *region,
			   struct smudge_error *err)
{
	if (region->nholds)
		return smudge_error_set(err, -EBUSY, WHERE,
					"region %s has %zu holds: release them "
					"first",
					region->name, region->nholds);
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (smi_view_has_batches(v))
			return smudge_error_set(
				err, -EBUSY, WHERE,
				"client %s has a batch of region %s: commit or "
				"return it first",
				v->client->name, region->name);
	}
	return 0;
}

void smi_region_detach_all(struct smudge_region *region)
{
	SMI_SYS_GUARD(&region->lock);
	while (region->sources)
		smi_source_detach_locked(region->sources, NULL);
}

int smudge_region_remove(struct smudge_region *region, struct smudge_error *err)
{
	struct smudge_memory *memory = region->memory;
	struct smi_region_table *table;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	SMI_SYS_GUARD(&memory->lock);
	ret = check_removable(region, err);
	if (ret < 0)
		return ret;
	table = smi_table_without(smi_memory_table(memory), region);
	if (!table)
		return smudge_error_set(err, -ENOMEM, WHERE,
					"no memory for the list of regions "
					"without %s",
					region->name);
	smi_region_detach_all(region);
	smi_client_unwatch_all(region);
	smi_populated_forget(memory);
	SMI_SYS_LOG(SMUDGE_LOG_DEBUG, "region", "region %s is removed",
		    region->name);
	smi_table_publish(memory, table);
	smi_reclaim_later(memory, &region->retired, free_retired);
	smi_reclaim_wait(memory);
	return 0;
}

void smudge_region_hold(struct smudge_region *region)
{
	SMI_SYS_GUARD(&region->memory->lock);
	region->nholds++;
}

void smudge_region_release(struct smudge_region *region)
{
	SMI_SYS_GUARD(&region->memory->lock);
	if (region->nholds)
		region->nholds--;
}

uint32_t smudge_region_id(const struct smudge_region *region)
{
	return region->id;
}

const char *smudge_region_name(const struct smudge_region *region)
{
	return region->name;
}

void *smudge_region_hva(const struct smudge_region *region)
{
	return region->hva;
}

uint64_t smudge_region_gpa(const struct smudge_region *region)
{
	return region->gpa;
}

uint64_t smudge_region_npages(const struct smudge_region *region)
{
	return smi_region_npages(region);
}

unsigned int smudge_region_page_shift(const struct smudge_region *region)
{
	return region->page_shift;
}
