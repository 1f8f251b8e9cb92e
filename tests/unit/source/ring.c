/* SPDX-License-Identifier: MIT */
/*
 * The simulated ring. The collector copies a few entries, resets them, and
 * posts the copies, until the rings are as empty as they can be at its start.
 */
#include "ring.h"

#include <string.h>
#include <unistd.h>

#include "support.h"

#define DIRTY	1u
#define RESET	2u
#define NCOPIES 32

static struct ring_entry *entry_at(struct ring *ring, uint64_t index)
{
	return &ring->entries[index % RING_SIZE];
}

/* The page's lock held. */
static void log_page(struct ring *ring, uint32_t slot, uint64_t page)
{
	struct ring_entry *entry = entry_at(ring, ring->head++);

	entry->slot = slot;
	entry->page = page;
	/* Release: pairs with the acquire in copy_entries. */
	atomic_store_explicit(&entry->flags, DIRTY, memory_order_release);
}

static void write_page(struct ring_machine *machine, struct ring *ring,
		       unsigned int slot, uint64_t page, bool stores)
{
	struct ring_page *p = &machine->slots[slot].pages[page];

	pthread_mutex_lock(&p->lock);
	if (p->is_armed && ring) {
		log_page(ring, slot, page);
		p->is_armed = false;
	}
	if (stores)
		atomic_store_explicit(
			&p->content,
			1 + atomic_fetch_add_explicit(&machine->number, 1,
						      memory_order_relaxed),
			memory_order_relaxed);
	pthread_mutex_unlock(&p->lock);
}

/* The exit of a virtual CPU with a full ring, on its thread. */
static void make_room(struct ring_machine *machine, struct ring *ring)
{
	/* Acquire: pairs with the release in reset_entries. */
	while (ring->head - atomic_load_explicit(&ring->reset,
						 memory_order_acquire) >=
	       RING_SOFT_FULL) {
		atomic_fetch_add_explicit(&machine->nfull, 1,
					  memory_order_relaxed);
		/* after a failure the ring is full still, and it is tried again
		 */
		if (smudge_hub_collect(machine->hub, NULL) < 0)
			continue;
	}
}

void ring_store(struct ring_machine *machine, unsigned int ring,
		unsigned int slot, uint64_t page)
{
	make_room(machine, &machine->rings[ring]);
	write_page(machine, &machine->rings[ring], slot, page, true);
}

void ring_pin(struct ring_machine *machine, unsigned int slot, uint64_t page)
{
	struct ring *ring = &machine->rings[RING_DEVICE];

	make_room(machine, ring);
	write_page(machine, ring, slot, page, false);
}

void ring_write_pinned(struct ring_machine *machine, unsigned int slot,
		       uint64_t page)
{
	write_page(machine, NULL, slot, page, true);
}

uint32_t ring_content(struct ring_machine *machine, unsigned int slot,
		      uint64_t page)
{
	/* Relaxed: what orders it is what is tested. */
	return atomic_load_explicit(&machine->slots[slot].pages[page].content,
				    memory_order_relaxed);
}

static unsigned int copy_entries(struct ring *ring, struct ring_entry *copies)
{
	unsigned int n = 0;

	while (n < NCOPIES) {
		struct ring_entry *entry = entry_at(ring, ring->fetch);

		/* Acquire: pairs with the release in log_page. */
		if (atomic_load_explicit(&entry->flags, memory_order_acquire) !=
		    DIRTY)
			break;
		copies[n].slot = entry->slot;
		copies[n++].page = entry->page;
		atomic_store_explicit(&entry->flags, RESET,
				      memory_order_relaxed);
		ring->fetch++;
	}
	return n;
}

static void arm_page(struct ring_slot *slot, uint64_t page)
{
	pthread_mutex_lock(&slot->pages[page].lock);
	slot->pages[page].is_armed = slot->is_on;
	pthread_mutex_unlock(&slot->pages[page].lock);
}

/* In ring order, up to the first that was not fetched. */
static void reset_entries(struct ring_machine *machine, struct ring *ring)
{
	uint64_t at = atomic_load_explicit(&ring->reset, memory_order_relaxed);

	while (at < ring->fetch) {
		struct ring_entry *entry = entry_at(ring, at);

		assert_int_equal(atomic_load_explicit(&entry->flags,
						      memory_order_relaxed),
				 RESET);
		arm_page(&machine->slots[entry->slot], entry->page);
		atomic_store_explicit(&entry->flags, 0, memory_order_relaxed);
		/* Release: pairs with the acquire in make_room. */
		atomic_store_explicit(&ring->reset, ++at, memory_order_release);
	}
}

static void post_entries(struct ring_machine *machine,
			 const struct ring_entry *copies, unsigned int n,
			 bool was_full)
{
	uint32_t only = atomic_load_explicit(&machine->harvested_slot,
					     memory_order_relaxed);

	if (machine->mutant == RING_DROPS_FULL && was_full)
		return;
	for (unsigned int i = 0; i < n; i++) {
		struct ring_slot *slot = &machine->slots[copies[i].slot];

		if (machine->mutant == RING_DROPS_OTHERS &&
		    copies[i].slot != only)
			continue;
		if (slot->is_on)
			smudge_hub_post(slot->member, copies[i].page, 1);
		machine->nposted++;
	}
}

/* What was pushed before is within RING_SIZE entries from here. */
static void drain(struct ring_machine *machine, struct ring *ring)
{
	struct ring_entry copies[NCOPIES];
	unsigned int n = NCOPIES, total = 0;
	bool was_full = false;

	while (n == NCOPIES && total < RING_SIZE) {
		n = copy_entries(ring, copies);
		total += n;
		was_full |= total >= RING_SOFT_FULL - NCOPIES;
		if (machine->mutant == RING_POSTS_FIRST) {
			post_entries(machine, copies, n, was_full);
			usleep(500);
			reset_entries(machine, ring);
			continue;
		}
		reset_entries(machine, ring);
		post_entries(machine, copies, n, was_full);
	}
}

static int collect(void *opaque, struct smudge_error *err)
{
	struct ring_machine *machine = opaque;

	for (int i = 0; i < RING_NRINGS; i++)
		drain(machine, &machine->rings[i]);
	return machine->collect_error;
}

static int start(void *opaque, void *member_opaque,
		 const struct smudge_source_range *range,
		 struct smudge_error *err)
{
	struct ring_slot *slot = member_opaque;

	assert_false(slot->is_on);
	slot->starts++;
	slot->is_on = true;
	for (uint64_t p = 0; p < slot->npages; p++)
		arm_page(slot, p);
	return 0;
}

static void stop(void *opaque, void *member_opaque)
{
	struct ring_slot *slot = member_opaque;

	assert_true(slot->is_on);
	slot->stops++;
	slot->is_on = false;
	for (uint64_t p = 0; p < slot->npages; p++)
		arm_page(slot, p);
}

static void leave(void *opaque, void *member_opaque)
{
	struct ring_slot *slot = member_opaque;

	assert_false(slot->is_on);
	slot->leaves++;
}

static void destroy(void *opaque)
{
	struct ring_machine *machine = opaque;

	machine->destroys++;
}

void ring_create(struct ring_machine *machine, const uint64_t *npages,
		 enum ring_mutant mutant)
{
	const struct smudge_hub_ops ops = {
		.size = sizeof(ops),
		.name = "ring",
		.collect = collect,
		.start = start,
		.stop = stop,
		.leave = leave,
		.destroy = destroy,
	};

	memset(machine, 0, sizeof(*machine));
	machine->mutant = mutant;
	for (unsigned int i = 0; i < RING_NSLOTS; i++) {
		struct ring_slot *slot = &machine->slots[i];

		assert_true(npages[i] <= RING_MAX_PAGES);
		slot->machine = machine;
		slot->npages = npages[i];
		for (uint64_t p = 0; p < npages[i]; p++)
			pthread_mutex_init(&slot->pages[p].lock, NULL);
	}
	assert_int_equal(smudge_hub_create(&ops, machine, &machine->hub, NULL),
			 0);
}

void ring_join(struct ring_machine *machine, unsigned int slot)
{
	struct ring_slot *s = &machine->slots[slot];
	const struct smudge_hub_member_options options = {
		.size = sizeof(options),
		.npages = s->npages,
		.page_shift = RING_PAGE_SHIFT,
		.opaque = s,
	};

	assert_int_equal(smudge_hub_join(machine->hub, &options, &s->source,
					 &s->member, NULL),
			 0);
}

void ring_leave(struct ring_machine *machine, unsigned int slot)
{
	struct ring_slot *s = &machine->slots[slot];
	unsigned int leaves = s->leaves;

	smudge_source_destroy(s->source);
	assert_int_equal(s->leaves, leaves + 1);
	assert_int_equal(s->starts, s->stops);
}

void ring_destroy(struct ring_machine *machine)
{
	smudge_hub_destroy(machine->hub);
	assert_int_equal(machine->destroys, 1);
	for (unsigned int i = 0; i < RING_NSLOTS; i++)
		for (uint64_t p = 0; p < machine->slots[i].npages; p++)
			pthread_mutex_destroy(&machine->slots[i].pages[p].lock);
}
