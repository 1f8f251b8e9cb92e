/* SPDX-License-Identifier: MIT */
/*
 * Regions: what they are, reads, discards, harvests and looks without a source,
 * the version and errors: memory.h, error.h, smudge.h.
 */
#include <errno.h>
#include <string.h>

#include "support.h"

static struct world world;
static struct smudge_error err = SMUDGE_ERROR_INIT;

static void properties(void)
{
	struct smudge_region *found = NULL;

	NEED(strcmp(smudge_region_name(world.region), "ram") == 0);
	NEED(smudge_region_hva(world.region) == world.pages);
	NEED(smudge_region_gpa(world.region) == 0);
	NEED(smudge_region_npages(world.region) == NPAGES);
	NEED(smudge_region_page_shift(world.region) == 12);
	NEED(smudge_memory_regions(world.memory, &found, 1) == 1);
	NEED(found == world.region);
	NEED(smudge_memory_hold_regions(world.memory, &found, 1) == 1);
	NEED(smudge_region_id(found) == smudge_region_id(world.region));
	smudge_region_release(found);
	smudge_region_hold(world.region);
	NEED(smudge_region_remove(world.region, &err) == -EBUSY);
	smudge_region_release(world.region);
	NEED(smudge_region_rearm_policy(world.region) == SMUDGE_REARM_ALWAYS);
}

static void content(void)
{
	unsigned char copy[2 * PAGE];

	world.pages[PAGE] = 42;
	NEED(smudge_region_read(world.region, 0, 2, copy, &err) == 0);
	NEED(copy[PAGE] == 42);
	NEED(smudge_region_read_bytes(world.region, PAGE, 1, copy, &err) == 0);
	NEED(copy[0] == 42);
	NEED(smudge_region_discard(world.region, 1, 1, -1, &err) == 0);
	NEED(world.pages[PAGE] == 0);
}

static void harvests(void)
{
	NEED(smudge_memory_harvest(world.memory, &err) == 0);
	NEED(smudge_region_harvest(world.region, &err) == 0);
	NEED(smudge_memory_look(world.memory, &err) == 0);
	NEED(smudge_region_look(world.region, &err) == 0);
	NEED(smudge_memory_harvest_quiesced(world.memory, &err) == 0);
	NEED(smudge_region_harvest_quiesced(world.region, &err) == 0);
}

static void errors(void)
{
	NEED(smudge_error_set(&err, -EIO, "abi", "%d sheep", 3) == -EIO);
	smudge_error_at(&err, 7, 8);
	NEED(err.code == -EIO && strcmp(err.where, "abi") == 0);
	NEED(strcmp(err.message, "3 sheep") == 0);
	NEED(err.region == 7 && err.page == 8);
}

int main(void)
{
	NEED(smudge_version_number() >= SMUDGE_VERSION);
	NEED(smudge_version()[0] >= '0' && SMUDGE_VERSION_AT_LEAST(0, 1, 0));
	world_open(&world);
	properties();
	content();
	harvests();
	errors();
	world_close(&world);
	return 0;
}
