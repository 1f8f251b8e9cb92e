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
#include "memory/reclaim.h"
#include "memory/source.h"
#include "memory/table.h"
#include "memory/view.h"
#include "sys/guard.h"
#include "sys/options.h"

static bool is_valid(const struct smudge_region_options *o, unsigned int shift)
{
	uint64_t mask = (UINT64_C(1) << shift) - 1;

	return shift >= 12 && shift <= 30 && o->name && o->name[0] &&
	       strlen(o->name) < 64 && o->hva && !((uintptr_t)o->hva & 4095) &&
	       !(o->gpa & mask) && o->size_bytes && !(o->size_bytes & mask) &&
	       o->size_bytes <= UINT64_MAX - o->gpa &&
	       o->size_bytes >> shift <= SMUDGE_BITMAP_MAX_PAGES;
}

static struct smudge_region *new_region(struct smudge_memory *memory,
					const struct smudge_region_options *o,
					unsigned int shift)
{
	struct smudge_region *region = calloc(1, sizeof(*region));

	if (!region)
		return NULL;
	region->memory = memory;
	snprintf(region->name, sizeof(region->name), "%s", o->name);
	region->hva = o->hva;
	region->gpa = o->gpa;
	region->npages = o->size_bytes >> shift;
	region->page_shift = shift;
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

static int check_room(const struct smi_region_table *table,
		      const struct smudge_region_options *o)
{
	uint64_t last = o->gpa + (o->size_bytes - 1);

	if (table->n >= SMUDGE_MAX_REGIONS)
		return -ENOSPC;
	for (size_t i = 0; i < table->n; i++) {
		const struct smudge_region *region = table->regions[i];

		if (!strcmp(region->name, o->name) ||
		    (o->gpa <= smi_region_last_gpa(region) &&
		     region->gpa <= last))
			return -EEXIST;
	}
	return 0;
}

/* memory->lock held. Let the clients that watch everything watch it. */
static int watch_by_all(struct smudge_region *region)
{
	int ret = 0;

	for (struct smudge_client *c = region->memory->clients; c && ret == 0;
	     c = c->next) {
		if (c->watches_all)
			ret = smi_client_watch(c, region, NULL);
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
	smi_table_publish(memory, table);
	if (smi_reclaim_wait(memory))
		return;
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v))
		smi_view_owe_barrier(v);
}

/* memory->lock held. */
static int add_locked(struct smudge_memory *memory,
		      const struct smudge_region_options *options,
		      unsigned int shift, struct smudge_region **ret_region)
{
	struct smi_region_table *table;
	struct smudge_region *region;
	int ret = check_room(smi_memory_table(memory), options);

	if (ret < 0)
		return ret;
	region = new_region(memory, options, shift);
	if (!region)
		return -ENOMEM;
	table = smi_table_with(smi_memory_table(memory), region);
	ret = table ? watch_by_all(region) : -ENOMEM;
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
		      struct smudge_region **ret_region)
{
	struct smudge_region_options own;
	int ret = smi_sys_options_copy(
		&own, options, SMI_SYS_SHAPE(smudge_region_options, page_shift),
		"region", NULL);

	if (ret < 0)
		return ret;
	if (!own.page_shift)
		own.page_shift = 12;
	if (!is_valid(&own, own.page_shift))
		return -EINVAL;
	SMI_SYS_GUARD(&memory->lock);
	return add_locked(memory, &own, own.page_shift, ret_region);
}

static bool has_batches(const struct smudge_region *region)
{
	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (smi_view_has_batches(v))
			return true;
	}
	return false;
}

void smi_region_detach_all(struct smudge_region *region)
{
	SMI_SYS_GUARD(&region->lock);
	while (region->sources)
		smi_source_detach_locked(region->sources, NULL);
}

int smudge_region_remove(struct smudge_region *region)
{
	struct smudge_memory *memory = region->memory;
	struct smi_region_table *table;

	SMI_SYS_GUARD(&memory->lock);
	if (region->nholds || has_batches(region))
		return -EBUSY;
	table = smi_table_without(smi_memory_table(memory), region);
	if (!table)
		return -ENOMEM;
	smi_region_detach_all(region);
	smi_client_unwatch_all(region);
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
	return region->npages;
}

unsigned int smudge_region_page_shift(const struct smudge_region *region)
{
	return region->page_shift;
}
