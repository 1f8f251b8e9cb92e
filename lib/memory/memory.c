/* SPDX-License-Identifier: MIT */
/*
 * A memory: the table of its regions, and marks by guest physical address.
 *
 * The table is sorted by gpa and replaced as a whole, so that markers search
 * it without a lock while regions come and go.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/rcu.h"

int smudge_memory_create(struct smudge_memory **ret)
{
	struct smudge_memory *memory = calloc(1, sizeof(*memory));
	struct smi_region_table *table = calloc(1, sizeof(*table));

	if (!memory || !table) {
		free(memory);
		free(table);
		return -ENOMEM;
	}
	pthread_mutex_init(&memory->lock, NULL);
	atomic_init(&memory->table, table);
	/* Marks must find what they need in memory. */
	smi_sys_rcu_prepare();
	*ret = memory;
	return 0;
}

static bool has_held_region(const struct smi_region_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		if (table->regions[i]->nholds)
			return true;
	}
	return false;
}

int smudge_memory_destroy(struct smudge_memory *memory)
{
	struct smi_region_table *table;

	if (!memory)
		return 0;
	pthread_mutex_lock(&memory->lock);
	table = atomic_load_explicit(&memory->table, memory_order_relaxed);
	if (memory->clients || has_held_region(table)) {
		pthread_mutex_unlock(&memory->lock);
		return -EBUSY;
	}
	for (size_t i = 0; i < table->n; i++)
		smi_region_detach_all(table->regions[i]);
	/* No other call runs, so no mark does: this needs no grace period. */
	smi_memory_free_gone(memory);
	pthread_mutex_unlock(&memory->lock);
	for (size_t i = 0; i < table->n; i++)
		smi_region_free(table->regions[i]);
	free(table);
	pthread_mutex_destroy(&memory->lock);
	free(memory);
	return 0;
}

static size_t list(struct smudge_memory *memory, struct smudge_region **regions,
		   size_t max, bool holds)
{
	const struct smi_region_table *table;
	size_t n;

	pthread_mutex_lock(&memory->lock);
	table = atomic_load_explicit(&memory->table, memory_order_relaxed);
	n = table->n;
	for (size_t i = 0; i < n && i < max; i++) {
		regions[i] = table->regions[i];
		regions[i]->nholds += holds;
	}
	pthread_mutex_unlock(&memory->lock);
	return n;
}

size_t smudge_memory_regions(struct smudge_memory *memory,
			     struct smudge_region **regions, size_t max)
{
	return list(memory, regions, max, false);
}

size_t smudge_memory_hold_regions(struct smudge_memory *memory,
				  struct smudge_region **regions, size_t max)
{
	return list(memory, regions, max, true);
}

void smudge_region_hold(struct smudge_region *region)
{
	pthread_mutex_lock(&region->memory->lock);
	region->nholds++;
	pthread_mutex_unlock(&region->memory->lock);
}

void smudge_region_release(struct smudge_region *region)
{
	struct smudge_memory *memory = region->memory;

	pthread_mutex_lock(&memory->lock);
	if (region->nholds)
		region->nholds--;
	pthread_mutex_unlock(&memory->lock);
}

static uint64_t last_byte(const struct smudge_region *region)
{
	return region->gpa + (region->npages << region->page_shift) - 1;
}

/* The index of the first region that ends at or after @gpa. */
static size_t find_from(const struct smi_region_table *table, uint64_t gpa)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (last_byte(table->regions[middle]) < gpa)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void mark_bytes(struct smudge_region *region, uint64_t gpa,
		       uint64_t last)
{
	uint64_t first_page, last_page;

	if (gpa < region->gpa)
		gpa = region->gpa;
	if (last > last_byte(region))
		last = last_byte(region);
	first_page = (gpa - region->gpa) >> region->page_shift;
	last_page = (last - region->gpa) >> region->page_shift;
	smudge_region_mark(region, first_page, last_page - first_page + 1);
}

void smudge_memory_mark_gpa(struct smudge_memory *memory, uint64_t gpa,
			    uint64_t length_bytes)
{
	const struct smi_region_table *table;
	struct smi_sys_rcu_slot *slot;
	uint64_t last;

	if (!length_bytes)
		return;
	last = length_bytes - 1 > UINT64_MAX - gpa ? UINT64_MAX
						   : gpa + length_bytes - 1;
	slot = smi_sys_rcu_read_lock();
	/* Acquire pairs with the release in region.c: publish_table. */
	table = atomic_load_explicit(&memory->table, memory_order_acquire);
	for (size_t i = find_from(table, gpa);
	     i < table->n && table->regions[i]->gpa <= last; i++)
		mark_bytes(table->regions[i], gpa, last);
	smi_sys_rcu_read_unlock(slot);
}
