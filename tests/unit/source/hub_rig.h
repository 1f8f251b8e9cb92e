/* SPDX-License-Identifier: MIT */
/*
 * Two regions that a simulated ring feeds, and a client. One thread does it
 * all, step by step.
 */
#ifndef TESTS_UNIT_SOURCE_HUB_RIG_H
#define TESTS_UNIT_SOURCE_HUB_RIG_H

#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "ring.h"
#include "support.h"

#define HUB_RIG_PAGES 200 /* of each region */

struct hub_rig {
	struct ring_machine machine;
	struct smudge_memory *memory;
	struct smudge_region *regions[2];
	struct smudge_client *client;
};

/* All but attach fail the running test when they cannot. */
void hub_rig_open(struct hub_rig *f);
void hub_rig_close(struct hub_rig *f);

/* A region for a slot; the caller keeps it in regions[]. */
struct smudge_region *hub_rig_region(struct hub_rig *f, unsigned int slot,
				     uint64_t npages, unsigned int shift);
int hub_rig_attach(struct hub_rig *f, unsigned int slot,
		   struct smudge_error *err);
struct smudge_client *hub_rig_client(struct hub_rig *f);

/* Every page is clean for the client. */
void hub_rig_clean(struct hub_rig *f);

/* A store by the first virtual CPU. */
void hub_rig_store(struct hub_rig *f, unsigned int slot, uint64_t page);

/* Dirty pages of a region. */
uint64_t hub_rig_count(struct hub_rig *f, unsigned int slot);
void hub_rig_harvest(struct hub_rig *f, unsigned int slot);
void hub_rig_look(struct hub_rig *f, unsigned int slot);

#endif
