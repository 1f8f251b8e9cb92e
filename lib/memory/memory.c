/* SPDX-License-Identifier: MIT */
/*
 * A memory: create, destroy, list its regions.
 */
#include <errno.h>
#include <stdlib.h>

#include "memory/reclaim.h"
#include "memory/region.h"
#include "sys/guard.h"
#include "sys/rcu.h"

int smudge_memory_create(struct smudge_memory **ret_memory)
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
	*ret_memory = memory;
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
	table = smi_memory_table(memory);
	if (memory->clients || has_held_region(table)) {
		pthread_mutex_unlock(&memory->lock);
		return -EBUSY;
	}
	for (size_t i = 0; i < table->n; i++)
		smi_region_detach_all(table->regions[i]);
	/* No other call runs, so no mark does: this needs no grace period. */
	smi_reclaim_now(memory);
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
	SMI_SYS_GUARD(&memory->lock);
	const struct smi_region_table *table = smi_memory_table(memory);

	for (size_t i = 0; i < table->n && i < max; i++) {
		regions[i] = table->regions[i];
		regions[i]->nholds += holds;
	}
	return table->n;
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
