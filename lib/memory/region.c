/* SPDX-License-Identifier: MIT */
/*
 * Regions: their coming and going, their published bitmaps, and marks.
 *
 * A region is made visible to markers only when it is complete, and freed
 * only after a grace period in which nobody can have found it.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/rcu.h"

static bool is_valid(const struct smudge_region_options *o, unsigned int shift)
{
	uint64_t mask = (UINT64_C(1) << shift) - 1;

	return o->size >= sizeof(*o) && shift >= 12 && shift <= 30 && o->name &&
	       o->name[0] && strlen(o->name) < 64 && o->hva &&
	       !((uintptr_t)o->hva & 4095) && !(o->gpa & mask) &&
	       o->size_bytes && !(o->size_bytes & mask) &&
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

static void free_gone_region(struct smudge_memory *memory,
			     struct smi_gone *gone)
{
	smi_region_free((struct smudge_region *)gone); /* first member */
}

static void free_gone_table(struct smudge_memory *memory, struct smi_gone *gone)
{
	free(gone); /* first member */
}

/* The table with @region added (or removed, when it is in it). */
static struct smi_region_table *
table_changed(const struct smi_region_table *old, struct smudge_region *region,
	      bool add)
{
	struct smi_region_table *table = malloc(
		sizeof(*table) + (old->n + 1) * sizeof(table->regions[0]));
	size_t n = 0;

	if (!table)
		return NULL;
	for (size_t i = 0; i < old->n; i++) {
		if (add && region->gpa < old->regions[i]->gpa) {
			table->regions[n++] = region;
			add = false;
		}
		if (old->regions[i] != region)
			table->regions[n++] = old->regions[i];
	}
	if (add)
		table->regions[n++] = region;
	table->n = n;
	return table;
}

/* Release pairs with the acquire in smudge_memory_mark_gpa. */
static void publish_table(struct smudge_memory *memory,
			  struct smi_region_table *table)
{
	struct smi_region_table *old =
		atomic_load_explicit(&memory->table, memory_order_relaxed);

	atomic_store_explicit(&memory->table, table, memory_order_release);
	smi_memory_retire(memory, &old->gone, free_gone_table);
}

static int check_room(const struct smi_region_table *table,
		      const struct smudge_region_options *o)
{
	uint64_t last = o->gpa + (o->size_bytes - 1);

	if (table->n >= SMUDGE_MAX_REGIONS)
		return -ENOSPC;
	for (size_t i = 0; i < table->n; i++) {
		const struct smudge_region *r = table->regions[i];
		uint64_t r_last = r->gpa + (r->npages << r->page_shift) - 1;

		if (!strcmp(r->name, o->name) ||
		    (o->gpa <= r_last && r->gpa <= last))
			return -EEXIST;
	}
	return 0;
}

/* memory->lock held. Let the clients that watch everything watch it. */
static int watch_by_all(struct smudge_region *region)
{
	struct smudge_client *c;
	int r = 0;

	for (c = region->memory->clients; c && r == 0; c = c->next) {
		if (c->watches_all)
			r = smi_client_watch(c, region, NULL);
	}
	if (r < 0) {
		smi_clients_unwatch(region);
		smi_memory_synchronize(region->memory);
	}
	return r;
}

int smudge_region_add(struct smudge_memory *memory,
		      const struct smudge_region_options *options,
		      struct smudge_region **ret)
{
	unsigned int shift = options->page_shift ? options->page_shift : 12;
	struct smi_region_table *old, *table = NULL;
	struct smudge_region *region = NULL;
	int r;

	if (!is_valid(options, shift))
		return -EINVAL;
	pthread_mutex_lock(&memory->lock);
	old = atomic_load_explicit(&memory->table, memory_order_relaxed);
	r = check_room(old, options);
	if (r == 0)
		region = new_region(memory, options, shift);
	if (region)
		table = table_changed(old, region, true);
	if (r == 0)
		r = table ? watch_by_all(region) : -ENOMEM;
	if (r < 0) {
		pthread_mutex_unlock(&memory->lock);
		if (region)
			smi_region_free(region);
		free(table);
		return r;
	}
	region->id = memory->next_region_id++;
	publish_table(memory, table);
	if (!smi_memory_synchronize(memory)) {
		for (struct smi_view *v = smi_region_views(region); v;
		     v = smi_view_next(v))
			smi_view_owe_barrier(v);
	}
	pthread_mutex_unlock(&memory->lock);
	*ret = region;
	return 0;
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
	pthread_mutex_lock(&region->lock);
	while (region->sources)
		smi_source_detach_locked(region->sources, NULL);
	pthread_mutex_unlock(&region->lock);
}

int smudge_region_remove(struct smudge_region *region)
{
	struct smudge_memory *memory = region->memory;
	struct smi_region_table *table;

	pthread_mutex_lock(&memory->lock);
	table = table_changed(
		atomic_load_explicit(&memory->table, memory_order_relaxed),
		region, false);
	if (!table || region->nholds || has_batches(region)) {
		pthread_mutex_unlock(&memory->lock);
		free(table);
		return table ? -EBUSY : -ENOMEM;
	}
	smi_region_detach_all(region);
	smi_clients_unwatch(region);
	publish_table(memory, table);
	smi_memory_retire(memory, &region->gone, free_gone_region);
	smi_memory_synchronize(memory);
	pthread_mutex_unlock(&memory->lock);
	return 0;
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

void smudge_region_mark(struct smudge_region *region, uint64_t first_page,
			uint64_t npages)
{
	struct smi_sys_rcu_slot *slot = smi_sys_rcu_read_lock();

	for (struct smi_view *v = smi_region_views(region); v;
	     v = smi_view_next(v)) {
		if (npages == 1)
			smudge_bitmap_mark(v->bitmap, first_page);
		else
			smudge_bitmap_mark_range(v->bitmap, first_page, npages);
	}
	smi_sys_rcu_read_unlock(slot);
}
