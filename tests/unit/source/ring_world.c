/* SPDX-License-Identifier: MIT */
/*
 * The memory and its watches. One thread takes and looks for suspects.
 */
#include "ring_world.h"

#include <string.h>

static void expect_ok(int ret, const struct smudge_error *err)
{
	if (ret != 0)
		fail_msg("error %d: %s", ret, err->message);
}

const uint64_t world_slot_pages[RING_NSLOTS] = {1000, 512, 70};
/* The second region has pages of 16 KiB, four of the ring's. */
static const unsigned int region_shift[RING_NSLOTS] = {12, 14, 12};

void world_add_region(struct world *w, unsigned int slot)
{
	unsigned int shift = region_shift[slot];
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = (const char *[]){"one", "two", "three"}[slot],
		.hva = (void *)(uintptr_t)(UINT64_C(0x100000000) << slot),
		.gpa = (uint64_t)slot << 32,
		.size_bytes = (world_slot_pages[slot] << RING_PAGE_SHIFT),
		.page_shift = shift,
	};
	struct smudge_error err = {0};

	assert_int_equal(
		smudge_region_add(w->memory, &options, &w->regions[slot], NULL),
		0);
	expect_ok(smudge_region_attach(w->regions[slot],
				       w->machine.slots[slot].source, 0, 0,
				       &err),
		  &err);
}

static bool is_dirty(const struct world *w, const struct watch *watch,
		     unsigned int slot, uint64_t page)
{
	return smudge_client_test(
		watch->client, w->regions[slot],
		page >> (region_shift[slot] - RING_PAGE_SHIFT));
}

void world_check_suspects(struct world *w, unsigned int slot)
{
	for (int i = 0; i < WORLD_NWATCHES && w->regions[slot]; i++) {
		struct watch *watch = &w->watches[i];

		for (uint64_t p = 0; p < world_slot_pages[slot]; p++) {
			w->nlost += watch->suspect[slot][p] &&
				    !is_dirty(w, watch, slot, p);
			watch->suspect[slot][p] = false;
		}
	}
}

void world_find_suspects(struct world *w, unsigned int slot)
{
	for (int i = 0; i < WORLD_NWATCHES && w->regions[slot]; i++) {
		struct watch *watch = &w->watches[i];

		for (uint64_t p = 0; p < world_slot_pages[slot]; p++) {
			watch->suspect[slot][p] =
				ring_content(&w->machine, slot, p) !=
					watch->copy[slot][p] &&
				!is_dirty(w, watch, slot, p);
			w->nsuspects += watch->suspect[slot][p];
		}
	}
}

static void copy_batch(struct world *w, struct watch *watch, unsigned int slot)
{
	unsigned int shift = region_shift[slot] - RING_PAGE_SHIFT;

	for (size_t i = 0; i < smudge_batch_nruns(w->batch); i++) {
		struct smudge_run run = smudge_batch_run(w->batch, i);
		uint64_t end = (run.first_page + run.npages) << shift;

		for (uint64_t p = run.first_page << shift;
		     p < end && p < world_slot_pages[slot]; p++)
			watch->copy[slot][p] =
				ring_content(&w->machine, slot, p);
	}
}

static void take(struct world *w, struct watch *watch, unsigned int slot,
		 uint64_t first, uint64_t npages)
{
	struct smudge_region *region = w->regions[slot];
	struct smudge_error err = {0};

	if (!region)
		return;
	expect_ok(smudge_client_take(watch->client, region, first, npages,
				     w->batch, &err),
		  &err);
	copy_batch(w, watch, slot);
	assert_int_equal(smudge_client_commit(watch->client, w->batch), 0);
}

void world_take_all(struct world *w, struct watch *watch)
{
	for (unsigned int s = 0; s < RING_NSLOTS; s++)
		if (w->regions[s])
			take(w, watch, s, 0,
			     smudge_region_npages(w->regions[s]));
}

void world_take_some(struct world *w, struct watch *watch)
{
	unsigned int s = (unsigned int)test_rng_below(&w->rng, RING_NSLOTS);
	uint64_t npages, first;

	if (!w->regions[s])
		return;
	npages = smudge_region_npages(w->regions[s]);
	first = test_rng_below(&w->rng, npages);
	take(w, watch, s, first, 1 + test_rng_below(&w->rng, npages - first));
}

void world_open(struct world *w, enum ring_mutant mutant)
{
	assert_int_equal(smudge_memory_create(&w->memory), 0);
	assert_int_equal(smudge_batch_create(0, &w->batch, NULL), 0);
	pthread_rwlock_init(&w->io, NULL);
	ring_create(&w->machine, world_slot_pages, mutant);
	for (unsigned int s = 0; s < RING_NSLOTS; s++) {
		pthread_rwlock_init(&w->life[s], NULL);
		ring_join(&w->machine, s);
		world_add_region(w, s);
	}
	for (int i = 0; i < WORLD_NWATCHES; i++) {
		const struct smudge_client_options options = {
			.size = sizeof(options),
			.name = i ? "second" : "first",
			.rearm_policy = w->is_quiesced ? SMUDGE_REARM_QUIESCED
						       : SMUDGE_REARM_ALWAYS,
		};

		assert_int_equal(smudge_client_open(w->memory, &options,
						    &w->watches[i].client,
						    NULL),
				 0);
	}
}

void world_close(struct world *w)
{
	for (int i = 0; i < WORLD_NWATCHES; i++)
		assert_int_equal(smudge_client_close(w->watches[i].client), 0);
	for (unsigned int s = 0; s < RING_NSLOTS; s++) {
		ring_leave(&w->machine, s);
		pthread_rwlock_destroy(&w->life[s]);
	}
	ring_destroy(&w->machine);
	pthread_rwlock_destroy(&w->io);
	assert_int_equal(smudge_batch_destroy(w->batch), 0);
	assert_int_equal(smudge_memory_destroy(w->memory, NULL), 0);
}

void world_compare(struct world *w)
{
	for (int i = 0; i < WORLD_NWATCHES; i++)
		for (unsigned int s = 0; s < RING_NSLOTS; s++)
			for (uint64_t p = 0;
			     w->regions[s] && p < world_slot_pages[s]; p++)
				w->nlost += ring_content(&w->machine, s, p) !=
					    w->watches[i].copy[s][p];
}
