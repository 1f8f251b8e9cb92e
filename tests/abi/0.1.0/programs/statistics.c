/* SPDX-License-Identifier: MIT */
/*
 * The statistics of every object that has them, at the offsets that the headers
 * gave: memory_stats.h, source.h, code.h, display.h, migrate.h.
 */
#include <errno.h>
#include <string.h>

#include "support.h"

static struct world world;
static struct smudge_error err = SMUDGE_ERROR_INIT;

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *error)
{
	return 0;
}

static void stop(void *opaque)
{
}

static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *error)
{
	smudge_sink_range(sink, 0, 3 * PAGE);
	smudge_sink_dropped(sink, 3 * PAGE, PAGE, true);
	return 0;
}

static void of_memory(void)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};

	NEED(smudge_memory_stats(world.memory, &stats) == 0);
	NEED(stats.nregions == 1 && stats.nclients == 1);
	NEED(stats.nsources_running == 1 && stats.bitmap_bytes > 0);
	NEED(stats.bitmap_peak_bytes >= stats.bitmap_bytes);
	NEED(stats.harvests == 1 && stats.harvested_pages == 4);
	NEED(stats.takes == 1 && stats.taken_pages == NPAGES);
	NEED(stats.returned_pages == NPAGES && stats.looks == 0);
	NEED(stats.harvest_errors == 0 && stats.unfreed == 0);
}

static void of_source(struct smudge_source *source)
{
	struct smudge_source_stats stats = {.size = sizeof(stats)};

	NEED(smudge_source_stats(source, &stats) == 0);
	NEED(strcmp(stats.name, "four pages") == 0);
	NEED(stats.harvests == 1 && stats.harvested_pages == 4);
	NEED(stats.dropped_pages == 1 && stats.unsure_pages == 0);
	NEED(stats.rearms == 0 && stats.looks == 0);
}

static void of_memory_and_source(void)
{
	const struct smudge_source_ops ops = {.size = sizeof(ops),
					      .name = "four pages",
					      .start = start,
					      .stop = stop,
					      .harvest = harvest};
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "client"};
	struct smudge_source *source;
	struct smudge_client *client;
	struct smudge_batch *batch;

	NEED(smudge_batch_create(0, &batch, &err) == 0);
	NEED(smudge_source_create(&ops, NULL, &source, &err) == 0);
	NEED(smudge_region_attach(world.region, source, 0, 0, &err) == 0);
	NEED(smudge_client_open(world.memory, &options, &client, &err) == 0);
	NEED(smudge_client_take(client, world.region, 0, NPAGES, batch, &err) ==
	     0);
	NEED(smudge_client_return(client, batch) == 0);
	NEED(smudge_memory_harvest(world.memory, &err) == 0);
	of_memory();
	of_source(source);
	NEED(smudge_client_close(client) == 0);
	smudge_source_destroy(source);
	NEED(smudge_batch_destroy(batch) == 0);
}

static void of_code(void)
{
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_code_stats stats = {.size = sizeof(stats)};
	struct smudge_code *code;

	NEED(smudge_code_open(world.memory, &options, &code, &err) == 0);
	while (smudge_code_add(code, 5 * PAGE, 128, smudge_code_now(code),
			       &err) == -EAGAIN)
		;
	NEED(smudge_code_watches(code, 5 * PAGE));
	NEED(smudge_code_stats(code, &stats) == 0);
	NEED(stats.watched_pages == 1 && stats.blocks == 1);
	NEED(stats.nclients == 1 && stats.added_blocks == 1);
	smudge_code_forget(code, 5 * PAGE, 128);
	NEED(smudge_code_stats(code, &stats) == 0);
	NEED(stats.forgotten_blocks == 1 && stats.blocks == 0);
	smudge_code_close(code);
}

static void of_display(void)
{
	struct smudge_display_mode mode = {.size = sizeof(mode),
					   .stride_bytes = 64,
					   .width = 16,
					   .height = 16};
	struct smudge_display_stats stats = {.size = sizeof(stats)};
	struct smudge_display *display;
	struct smudge_rect rect;
	size_t nrects;

	NEED(smudge_display_open(world.memory, world.region, &mode, &display,
				 &err) == 0);
	NEED(smudge_display_refresh(display, &rect, 1, &nrects, &err) == 0);
	NEED(smudge_display_stats(display, &stats) == 0);
	NEED(stats.refreshes == 1 && stats.rects == nrects);
	NEED(stats.compared_bytes > 0 || stats.changed_bytes > 0);
	smudge_display_close(display);
}

static void of_migration(void)
{
	struct smudge_migrate_limits limits = {.size = sizeof(limits),
					       .max_bandwidth_bytes_ps = 1
									 << 30,
					       .downtime_limit_ns = 1000,
					       .max_rounds = 7};
	struct smudge_migrate_stats stats = {.size = sizeof(stats)};
	struct smudge_migration *migration;

	NEED(smudge_migration_create(&limits, &migration, &err) == 0);
	NEED(smudge_migration_stats(migration, &stats) == 0);
	NEED(stats.phase == SMUDGE_MIGRATE_SETUP && stats.round == 0);
	limits.max_rounds = 8;
	NEED(smudge_migration_set_limits(migration, &limits, &err) == 0);
	memset(&limits, 0, sizeof(limits));
	limits.size = sizeof(limits);
	NEED(smudge_migration_limits(migration, &limits) == 0);
	NEED(limits.max_bandwidth_bytes_ps == 1 << 30);
	NEED(limits.downtime_limit_ns == 1000 && limits.max_rounds == 8);
	stats.round = 8;
	stats.expected_downtime_ns = 2000;
	NEED(smudge_migrate_default_policy(&stats, &limits, NULL) ==
	     SMUDGE_MIGRATE_SWITCH);
	NEED(smudge_migration_cancel(migration) == 0);
	smudge_migration_destroy(migration);
}

int main(void)
{
	world_open(&world);
	of_memory_and_source();
	of_code();
	of_display();
	of_migration();
	world_close(&world);
	return 0;
}
