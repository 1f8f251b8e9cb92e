/* SPDX-License-Identifier: MIT */
/*
 * A hub of two sources, and a third with its own operations: hub.h, source.h,
 * source_ops.h.
 */
#include <errno.h>

#include "support.h"

static struct world world;
static struct smudge_error err = SMUDGE_ERROR_INIT;
static struct smudge_hub_member *members[2];
static int nleft, ndestroyed;

/* Page 5 of the first half and page 6 of the second, each time. */
static int collect(void *opaque, struct smudge_error *error)
{
	for (unsigned int i = 0; i < 2; i++)
		smudge_hub_post(members[i], 5 + i, 1);
	return 0;
}

static void leave(void *opaque, void *member_opaque)
{
	nleft++;
}

static void destroy(void *opaque)
{
	ndestroyed++;
}

static const struct smudge_hub_ops ops = {.size = sizeof(ops),
					  .name = "hub",
					  .collect = collect,
					  .leave = leave,
					  .destroy = destroy};

static void harvest_and_count(uint64_t expected)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "client"};
	struct smudge_client *client;

	NEED(smudge_client_open(world.memory, &options, &client, &err) == 0);
	NEED(smudge_client_skip(client, world.region, 0, NPAGES, &err) == 0);
	NEED(smudge_memory_harvest(world.memory, &err) == 0);
	NEED(smudge_client_count(client, world.region, 0, NPAGES) == expected);
	NEED(smudge_client_close(client) == 0);
}

static void hub_of_two(void)
{
	struct smudge_hub_member_options options = {.size = sizeof(options),
						    .npages = NPAGES / 2,
						    .page_shift = 12};
	struct smudge_source *sources[2];
	struct smudge_hub *hub;

	NEED(smudge_hub_create(&ops, NULL, &hub, &err) == 0);
	for (unsigned int i = 0; i < 2; i++) {
		NEED(smudge_hub_join(hub, &options, &sources[i], &members[i],
				     &err) == 0);
		NEED(smudge_region_attach(world.region, sources[i],
					  i * NPAGES / 2, NPAGES / 2,
					  &err) == 0);
	}
	NEED(smudge_hub_collect(hub, &err) == 0);
	harvest_and_count(2);
	for (unsigned int i = 0; i < 2; i++) {
		NEED(smudge_source_detach(sources[i], &err) == 0);
		smudge_source_destroy(sources[i]);
	}
	smudge_hub_destroy(hub);
	NEED(nleft == 2 && ndestroyed == 1);
}

static int start(void *opaque, const struct smudge_source_range *range,
		 struct smudge_error *error)
{
	if (range->hva != world.pages || range->gpa || range->first_page ||
	    range->npages != NPAGES || range->page_shift != 12)
		return smudge_error_set(error, -EINVAL, "abi", "other range");
	return 0;
}

static void stop(void *opaque)
{
}

/* Twelve pages, two of them dropped; look says the same. */
static int harvest(void *opaque, struct smudge_sink *sink,
		   struct smudge_error *error)
{
	const uint64_t bits[1] = {0xff};

	smudge_sink_bitmap(sink, 0, bits, 0, 64, 12);
	smudge_sink_range(sink, 100 * PAGE, 2 * PAGE);
	smudge_sink_dropped(sink, 200 * PAGE, PAGE, true);
	smudge_sink_dropped(sink, 201 * PAGE, PAGE, false);
	return 0;
}

static void own_operations(void)
{
	const struct smudge_source_ops own = {.size = sizeof(own),
					      .name = "own",
					      .start = start,
					      .stop = stop,
					      .harvest = harvest,
					      .destroy = destroy,
					      .look = harvest};
	struct smudge_source *source;

	NEED(smudge_source_create(&own, NULL, &source, &err) == 0);
	NEED(smudge_region_attach(world.region, source, 0, 0, &err) == 0);
	harvest_and_count(12);
	NEED(smudge_memory_look(world.memory, &err) == 0);
	smudge_source_destroy(source);
	NEED(ndestroyed == 2);
}

int main(void)
{
	world_open(&world);
	hub_of_two();
	own_operations();
	world_close(&world);
	return 0;
}
