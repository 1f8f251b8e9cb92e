/* SPDX-License-Identifier: MIT */
/*
 * A memory: create, destroy, list its regions.
 */
#include <errno.h>
#include <stdlib.h>

#include "memory/populated.h"
#include "memory/space.h"
#include "memory/reclaim.h"
#include "memory/region.h"
#include "sys/guard.h"
#include "sys/log.h"
#include "sys/rcu.h"

int smudge_memory_create(struct smudge_memory **ret_memory)
{
	struct smudge_memory *memory = calloc(1, sizeof(*memory));
	struct smi_region_table *table = calloc(1, sizeof(*table));

	uint64_t space = smi_sys_space_id();

	if (!memory || !table || !space) {
		free(memory);
		free(table);
		return -ENOMEM;
	}
	memory->space = space;
	pthread_mutex_init(&memory->lock, NULL);
	pthread_mutex_init(&memory->populated.lock, NULL);
	atomic_init(&memory->table, table);
	atomic_init(&memory->generation, 1);
	/* Marks must find what they need in memory. */
	smi_sys_rcu_prepare();
	*ret_memory = memory;
	return 0;
}

/* memory->lock held. */
static int check_unused(const struct smudge_memory *memory,
			struct smudge_error *err)
{
	const struct smi_region_table *table = smi_memory_table(memory);

	if (memory->clients)
		return smudge_error_set(err, -EBUSY, "memory",
					"client %s is open: close it first",
					memory->clients->name);
	for (size_t i = 0; i < table->n; i++) {
		if (table->regions[i]->nholds)
			return smudge_error_set(
				err, -EBUSY, "memory",
				"region %s has %zu holds: release them first",
				table->regions[i]->name,
				table->regions[i]->nholds);
	}
	return 0;
}

int smudge_memory_destroy(struct smudge_memory *memory,
			  struct smudge_error *err)
{
	struct smi_region_table *table;
	int ret;

	SMI_SYS_LOG_SCOPE();
	smudge_error_clear(err);
	if (!memory)
		return 0;
	ret = smi_memory_check_space(memory, err);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&memory->lock);
	ret = check_unused(memory, err);
	if (ret < 0) {
		pthread_mutex_unlock(&memory->lock);
		return ret;
	}
	table = smi_memory_table(memory);
	for (size_t i = 0; i < table->n; i++)
		smi_region_detach_all(table->regions[i]);
	/* No other call runs, so no mark does: this needs no grace period. */
	smi_reclaim_now(memory);
	pthread_mutex_unlock(&memory->lock);
	for (size_t i = 0; i < table->n; i++)
		smi_region_free(table->regions[i]);
	free(table);
	smi_populated_close(memory);
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
