/* SPDX-License-Identifier: MIT */
/*
 * What the tracking itself costs.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

uint64_t smi_client_measure(const struct smudge_client *client)
{
	uint64_t bytes = 0;

	for (struct smi_view *v = client->views; v; v = v->next_in_client)
		bytes += smudge_bitmap_resident_bytes(v->bitmap);
	return bytes;
}

uint64_t smudge_client_bitmap_bytes(struct smudge_client *client)
{
	uint64_t bytes;

	pthread_mutex_lock(&client->memory->lock);
	bytes = smi_client_measure(client);
	pthread_mutex_unlock(&client->memory->lock);
	return bytes;
}

uint64_t smi_memory_measure(struct smudge_memory *memory)
{
	uint64_t bytes = 0;

	for (struct smudge_client *c = memory->clients; c; c = c->next)
		bytes += smi_client_measure(c);
	if (bytes > memory->bitmap_peak_bytes)
		memory->bitmap_peak_bytes = bytes;
	return bytes;
}

static uint64_t running_sources(struct smudge_memory *memory)
{
	const struct smi_region_table *table =
		atomic_load_explicit(&memory->table, memory_order_relaxed);
	uint64_t n = 0;

	for (size_t i = 0; i < table->n; i++) {
		struct smudge_region *region = table->regions[i];

		pthread_mutex_lock(&region->lock);
		for (struct smudge_source *s = region->sources; s; s = s->next)
			n += s->is_running;
		pthread_mutex_unlock(&region->lock);
	}
	return n;
}

static uint64_t get(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void read_counters(struct smi_counters *counters,
			  struct smudge_memory_stats *stats)
{
	stats->harvests = get(&counters->harvests);
	stats->harvest_ns = get(&counters->harvest_ns);
	stats->harvested_pages = get(&counters->harvested_pages);
	stats->harvest_errors = get(&counters->harvest_errors);
	stats->takes = get(&counters->takes);
	stats->take_ns = get(&counters->take_ns);
	stats->taken_pages = get(&counters->taken_pages);
	stats->rearm_ns = get(&counters->rearm_ns);
	stats->returned_pages = get(&counters->returned_pages);
}

int smudge_memory_stats(struct smudge_memory *memory,
			struct smudge_memory_stats *stats)
{
	struct smudge_memory_stats now = {0};
	size_t size = stats->size;

	if (size < sizeof(now))
		return -EINVAL;
	now.size = size;
	pthread_mutex_lock(&memory->lock);
	now.nregions =
		atomic_load_explicit(&memory->table, memory_order_relaxed)->n;
	now.nclients = memory->nclients;
	now.nsources_running = running_sources(memory);
	now.bitmap_bytes = smi_memory_measure(memory);
	now.bitmap_peak_bytes = memory->bitmap_peak_bytes;
	pthread_mutex_unlock(&memory->lock);
	read_counters(&memory->counters, &now);
	memcpy(stats, &now, sizeof(now));
	return 0;
}

int smudge_source_stats(struct smudge_source *source,
			struct smudge_source_stats *stats)
{
	struct smudge_region *region;

	if (stats->size < sizeof(*stats))
		return -EINVAL;
	region = smi_source_lock(source);
	stats->name = source->ops.name;
	stats->harvests = source->harvests;
	stats->harvest_ns = source->harvest_ns;
	stats->harvest_errors = source->harvest_errors;
	stats->harvested_pages = source->harvested_pages;
	stats->rearms = source->rearms;
	stats->rearm_ns = source->rearm_ns;
	if (region)
		smi_source_unlock(region);
	return 0;
}
