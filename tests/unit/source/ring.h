/* SPDX-License-Identifier: MIT */
/*
 * A simulated dirty ring: virtual CPUs that write pages of slots, each with a
 * bounded ring of its own, and a hub that drains the rings.
 *
 * A page is armed or not. A store to an armed page first pushes an entry and
 * disarms the page; later stores push nothing until the entry was reset, which
 * arms the page again. Entries are reset in ring order, like KVM's. A virtual
 * CPU whose ring is nearly full stops and collects on its own thread.
 *
 * Mutants are collectors that lose writes: the tests must notice.
 */
#ifndef TESTS_UNIT_SOURCE_RING_H
#define TESTS_UNIT_SOURCE_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <smudge/hub.h>
#include <smudge/source.h>

#define RING_NSLOTS	3
#define RING_NRINGS	4 /* one per virtual CPU, and one for the device */
#define RING_DEVICE	(RING_NRINGS - 1)
#define RING_SIZE	128
#define RING_SOFT_FULL	(RING_SIZE - 8)
#define RING_MAX_PAGES	1024
#define RING_PAGE_SHIFT 12

enum ring_mutant {
	RING_RIGHT,
	RING_POSTS_FIRST,  /* posts, and re-arms afterwards */
	RING_DROPS_OTHERS, /* keeps the entries of one slot only */
	RING_DROPS_FULL,   /* a full ring is reset, and not posted */
};

struct ring_entry {
	_Atomic uint32_t flags;
	uint32_t slot;
	uint64_t page;
};

struct ring {
	struct ring_entry entries[RING_SIZE];
	uint64_t head;		/* the writer's */
	uint64_t fetch;		/* under the hub's lock */
	_Atomic uint64_t reset; /* stored under the hub's lock */
};

struct ring_page {
	pthread_mutex_t lock; /* what the page tables' lock is to KVM */
	bool is_armed;
	_Atomic uint32_t content;
};

struct ring_slot {
	struct ring_machine *machine;
	uint64_t npages;
	struct ring_page pages[RING_MAX_PAGES];
	bool is_on; /* under the hub's lock */
	struct smudge_source *source;
	struct smudge_hub_member *member;
	unsigned int starts, stops, leaves;
};

struct ring_machine {
	struct smudge_hub *hub;
	struct ring rings[RING_NRINGS];
	struct ring_slot slots[RING_NSLOTS];
	enum ring_mutant mutant;
	_Atomic uint32_t harvested_slot; /* for RING_DROPS_OTHERS */
	_Atomic uint32_t number;	 /* of the last store */
	_Atomic uint64_t nfull;		 /* exits with a full ring */
	uint64_t nposted;		 /* under the hub's lock */
	int collect_error;		 /* negative: collect fails */
	unsigned int destroys;
};

/* Each fails the running test when it cannot. A slot has 1024 pages or less. */
void ring_create(struct ring_machine *machine, const uint64_t *npages,
		 enum ring_mutant mutant);
void ring_destroy(struct ring_machine *machine);
void ring_join(struct ring_machine *machine, unsigned int slot);
void ring_leave(struct ring_machine *machine, unsigned int slot);

/* A store by the virtual CPU @ring, after its ring was drained if need be. */
void ring_store(struct ring_machine *machine, unsigned int ring,
		unsigned int slot, uint64_t page);

/* I/O into pinned pages: detected as it is pinned, not as it is written. */
void ring_pin(struct ring_machine *machine, unsigned int slot, uint64_t page);
void ring_write_pinned(struct ring_machine *machine, unsigned int slot,
		       uint64_t page);

uint32_t ring_content(struct ring_machine *machine, unsigned int slot,
		      uint64_t page);

#endif
