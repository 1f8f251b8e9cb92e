/* SPDX-License-Identifier: MIT */
/*
 * What the tracking itself costs: memory of bitmaps now, and counters.
 */
#include "memory/stats.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bitmap/layout.h"
#include "memory/cover.h"
#include "memory/source.h"
#include "sys/guard.h"
#include "sys/options.h"

static uint64_t measure(const struct smudge_client *client)
{
	uint64_t bytes = 0;

	for (struct smi_view *v = client->views; v; v = v->next_in_client)
		bytes += smudge_bitmap_resident_bytes(v->bitmap);
	return bytes;
}

uint64_t smudge_client_bitmap_bytes(struct smudge_client *client)
{
	SMI_SYS_GUARD(&client->memory->lock);
	return measure(client);
}

uint64_t smi_stats_measure(struct smudge_memory *memory)
{
	uint64_t bytes = 0;

	for (struct smudge_client *c = memory->clients; c; c = c->next)
		bytes += measure(c);
	if (bytes > memory->bitmap_peak_bytes)
		memory->bitmap_peak_bytes = bytes;
	return bytes;
}

static uint64_t running_sources(struct smudge_memory *memory)
{
	const struct smi_region_table *table = smi_memory_table(memory);
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

/* Pages that takes left dirty because no barrier had worked yet. */
static uint64_t kept_pages(struct smudge_memory *memory)
{
	uint64_t n = 0;

	for (struct smudge_client *c = memory->clients; c; c = c->next) {
		for (struct smi_view *v = c->views; v; v = v->next_in_client) {
			pthread_mutex_lock(&v->region->lock);
			n += v->bitmap->kept_pages;
			pthread_mutex_unlock(&v->region->lock);
		}
	}
	return n;
}

/* memory->lock held. */
static uint64_t uncovered_pages(struct smudge_memory *memory)
{
	const struct smi_region_table *table = smi_memory_table(memory);
	uint64_t n = 0;

	for (size_t i = 0; i < table->n; i++) {
		struct smudge_region *region = table->regions[i];
		struct smudge_run run = {0, 0};

		pthread_mutex_lock(&region->lock);
		while (smi_cover_next_gap(region, run.first_page + run.npages,
					  UINT64_MAX, &run))
			n += run.npages;
		pthread_mutex_unlock(&region->lock);
	}
	return n;
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
	stats->looks = get(&counters->looks);
	stats->look_ns = get(&counters->look_ns);
	stats->looked_pages = get(&counters->looked_pages);
}

int smudge_memory_stats(struct smudge_memory *memory,
			struct smudge_memory_stats *stats)
{
	struct smudge_memory_stats now = {0};

	pthread_mutex_lock(&memory->lock);
	now.nregions = smi_memory_table(memory)->n;
	now.nclients = memory->nclients;
	now.nsources_running = running_sources(memory);
	now.bitmap_bytes = smi_stats_measure(memory);
	now.bitmap_peak_bytes = memory->bitmap_peak_bytes;
	now.kept_pages = kept_pages(memory) + get(&memory->counters.kept_pages);
	now.unfreed = memory->nretired;
	now.uncovered_pages = uncovered_pages(memory);
	pthread_mutex_unlock(&memory->lock);
	read_counters(&memory->counters, &now);
	return smi_sys_stats_copy(
		stats, &now,
		SMI_SYS_SHAPE(smudge_memory_stats, returned_pages));
}

int smudge_source_stats(struct smudge_source *source,
			struct smudge_source_stats *stats)
{
	struct smudge_source_stats now = {0};
	struct smudge_region *region;

	region = smi_source_lock(source);
	now.name = source->ops.name;
	now.harvests = source->harvests;
	now.harvest_ns = source->harvest_ns;
	now.harvest_errors = source->harvest_errors;
	now.harvested_pages = source->harvested_pages;
	now.rearms = source->rearms;
	now.rearm_ns = source->rearm_ns;
	now.looks = source->looks;
	now.look_ns = source->look_ns;
	now.looked_pages = source->looked_pages;
	now.dropped_pages = source->dropped_pages;
	now.unsure_pages = source->unsure_pages;
	if (region)
		smi_source_unlock(region);
	return smi_sys_stats_copy(stats, &now,
				  SMI_SYS_SHAPE(smudge_source_stats, rearm_ns));
}
