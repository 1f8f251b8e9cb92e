/* SPDX-License-Identifier: MIT */
/*
 * A memory of three regions that a simulated ring feeds, and two watches: a
 * client each, with a copy of the content of what it took.
 *
 * A page that differs from the copy and is clean is a suspect: it must be dirty
 * after the next harvest or look of its region. What is lost is counted.
 */
#ifndef TESTS_UNIT_SOURCE_RING_WORLD_H
#define TESTS_UNIT_SOURCE_RING_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/client.h>
#include <smudge/memory.h>

#include "ring.h"
#include "support.h"

#define WORLD_NWATCHES 2

extern const uint64_t world_slot_pages[RING_NSLOTS];

struct watch {
	struct smudge_client *client;
	uint32_t copy[RING_NSLOTS][RING_MAX_PAGES];
	bool suspect[RING_NSLOTS][RING_MAX_PAGES];
};

struct world {
	struct ring_machine machine;
	struct smudge_memory *memory;
	struct smudge_region *regions[RING_NSLOTS]; /* life; NULL: gone */
	pthread_rwlock_t life[RING_NSLOTS];	    /* held to use a region */
	pthread_rwlock_t io;			    /* read: I/O is in flight */
	struct smudge_batch *batch;
	struct watch watches[WORLD_NWATCHES];
	bool is_quiesced;
	struct test_rng rng;
	atomic_bool stop;
	uint64_t nlost, nsuspects;
};

void world_open(struct world *w, enum ring_mutant mutant);
void world_close(struct world *w);

/* Add the region of a slot, and attach the slot's source. */
void world_add_region(struct world *w, unsigned int slot);

/* After a harvest or look of the slot's region. */
void world_check_suspects(struct world *w, unsigned int slot);
void world_find_suspects(struct world *w, unsigned int slot);

/* Take everything, or something at random, and copy it. */
void world_take_all(struct world *w, struct watch *watch);
void world_take_some(struct world *w, struct watch *watch);

/* No writer runs, all is harvested and taken: nothing differs. */
void world_compare(struct world *w);

#endif
