/* SPDX-License-Identifier: MIT */
/*
 * Opens and closes the rig of the hub's tests.
 */
#include "hub_rig.h"

#include <string.h>

struct smudge_region *hub_rig_region(struct hub_rig *f, unsigned int slot,
				     uint64_t npages, unsigned int shift)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = slot ? "second" : "first",
		.hva = (void *)(uintptr_t)(UINT64_C(0x100000000) << slot),
		.gpa = (uint64_t)slot << 32,
		.size_bytes = npages << shift,
		.page_shift = shift,
	};
	struct smudge_region *region = NULL;

	assert_int_equal(smudge_region_add(f->memory, &options, &region, NULL),
			 0);
	return region;
}

int hub_rig_attach(struct hub_rig *f, unsigned int slot,
		   struct smudge_error *err)
{
	return smudge_region_attach(f->regions[slot],
				    f->machine.slots[slot].source, 0, 0, err);
}

struct smudge_client *hub_rig_client(struct hub_rig *f)
{
	const struct smudge_client_options options = {.size = sizeof(options),
						      .name = "test"};
	struct smudge_client *client = NULL;

	assert_int_equal(smudge_client_open(f->memory, &options, &client, NULL),
			 0);
	return client;
}

void hub_rig_clean(struct hub_rig *f)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			smudge_client_skip(f->client, f->regions[i], 0,
					   smudge_region_npages(f->regions[i]),
					   NULL),
			0);
}

void hub_rig_open(struct hub_rig *f)
{
	const uint64_t npages[RING_NSLOTS] = {HUB_RIG_PAGES, HUB_RIG_PAGES,
					      HUB_RIG_PAGES};

	memset(f, 0, sizeof(*f));
	ring_create(&f->machine, npages, RING_RIGHT);
	assert_int_equal(smudge_memory_create(&f->memory), 0);
	for (unsigned int i = 0; i < 2; i++) {
		ring_join(&f->machine, i);
		f->regions[i] = hub_rig_region(f, i, HUB_RIG_PAGES, 12);
		assert_int_equal(hub_rig_attach(f, i, NULL), 0);
	}
	f->client = hub_rig_client(f);
	hub_rig_clean(f);
}

void hub_rig_close(struct hub_rig *f)
{
	assert_int_equal(smudge_client_close(f->client), 0);
	for (unsigned int i = 0; i < 2; i++)
		ring_leave(&f->machine, i);
	ring_destroy(&f->machine);
	assert_int_equal(smudge_memory_destroy(f->memory, NULL), 0);
}

void hub_rig_store(struct hub_rig *f, unsigned int slot, uint64_t page)
{
	ring_store(&f->machine, 0, slot, page);
}

uint64_t hub_rig_count(struct hub_rig *f, unsigned int slot)
{
	return smudge_client_count(f->client, f->regions[slot], 0,
				   HUB_RIG_PAGES);
}

void hub_rig_harvest(struct hub_rig *f, unsigned int slot)
{
	assert_int_equal(smudge_region_harvest(f->regions[slot], NULL), 0);
}

void hub_rig_look(struct hub_rig *f, unsigned int slot)
{
	assert_int_equal(smudge_region_look(f->regions[slot], NULL), 0);
}
