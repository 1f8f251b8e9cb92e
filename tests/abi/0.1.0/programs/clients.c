/* SPDX-License-Identifier: MIT */
/*
 * Two clients of one region, which receive marks: client.h and memory.h.
 */
#include <errno.h>
#include <string.h>

#include "support.h"

static struct world world;
static struct smudge_client *copier, *screen;
static struct smudge_batch *batch;
static struct smudge_error err = SMUDGE_ERROR_INIT;

static void open_clients(void)
{
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "copier",
						.regions = &world.region,
						.nregions = 1};

	NEED(smudge_client_open(world.memory, &options, &copier, &err) == 0);
	options.name = "screen";
	options.marks_only = true;
	options.rearm_policy = SMUDGE_REARM_ALWAYS;
	NEED(smudge_client_open(world.memory, &options, &screen, &err) == 0);
	NEED(smudge_client_count(copier, world.region, 0, NPAGES) == NPAGES);
	NEED(smudge_client_skip(copier, world.region, 0, NPAGES, &err) == 0);
	NEED(smudge_client_skip(screen, world.region, 0, NPAGES, &err) == 0);
}

static void queries(void)
{
	struct smudge_run run;

	smudge_region_mark(world.region, 10, 5);
	smudge_memory_mark_gpa(world.memory, 20 * PAGE, PAGE);
	NEED(smudge_client_mark(screen, world.region, 30, 1) == 0);
	NEED(smudge_client_dirty_pages(copier) == 6);
	NEED(smudge_client_count(screen, world.region, 0, NPAGES) == 7);
	NEED(smudge_client_test(copier, world.region, 20));
	NEED(!smudge_client_any(copier, world.region, 30, 1));
	NEED(smudge_client_all(copier, world.region, 10, 5));
	NEED(smudge_client_next_dirty(copier, world.region, 11, NPAGES, &run));
	NEED(run.first_page == 11 && run.npages == 4);
	NEED(smudge_client_next_clean(copier, world.region, 10, NPAGES, &run));
	NEED(run.first_page == 15 && run.npages == 5);
	NEED(smudge_client_bitmap_bytes(copier) > 0);
}

static void queries_with_mask(void)
{
	struct smudge_bitmap *mask;
	struct smudge_run run;

	NEED(smudge_bitmap_create(NPAGES, &mask, &err) == 0);
	smudge_bitmap_mark_range(mask, 12, 100);
	NEED(smudge_client_next_both(copier, world.region, mask, 0, NPAGES,
				     &run));
	NEED(run.first_page == 12 && run.npages == 3);
	smudge_bitmap_destroy(mask);
}

static void takes(void)
{
	struct smudge_run rest = {0, NPAGES};

	NEED(smudge_client_take(copier, world.region, 0, 16, batch, &err) == 0);
	NEED(smudge_batch_npages(batch) == 5);
	NEED(smudge_client_close(copier) == -EBUSY);
	NEED(smudge_client_return(copier, batch) == 0);
	NEED(smudge_client_take_next(copier, world.region, &rest, 4, batch,
				     &err) > 0);
	NEED(smudge_batch_npages(batch) == 4);
	NEED(smudge_client_commit(copier, batch) == 0);
	NEED(smudge_client_take_next(copier, world.region, &rest, NPAGES, batch,
				     &err) > 0);
	NEED(smudge_batch_npages(batch) == 2);
	NEED(smudge_client_commit(copier, batch) == 0);
	NEED(smudge_client_take_next(copier, world.region, &rest, NPAGES, batch,
				     &err) == 0);
	NEED(smudge_client_dirty_pages(copier) == 0);
}

static void refusal(void)
{
	NEED(smudge_client_take(copier, world.region, 0, NPAGES + 1, batch,
				&err) == -EINVAL);
	NEED(err.code == -EINVAL && err.where[0] && err.message[0]);
	smudge_error_clear(&err);
	NEED(err.code == 0 && err.region == SMUDGE_NO_REGION);
}

int main(void)
{
	world_open(&world);
	NEED(smudge_batch_create(16, &batch, &err) == 0);
	open_clients();
	queries();
	queries_with_mask();
	takes();
	refusal();
	NEED(smudge_client_close(screen) == 0);
	NEED(smudge_client_close(copier) == 0);
	NEED(smudge_batch_destroy(batch) == 0);
	world_close(&world);
	return 0;
}
