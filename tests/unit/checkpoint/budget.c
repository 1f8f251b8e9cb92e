/* SPDX-License-Identifier: MIT */
/*
 * Saves that need more memory for their copies than the budget has: the layer
 * is written while pages are copied, before the pause and in it.
 */
#include <errno.h>
#include <string.h>

#include "rig.h"

/* 32 MiB, of which the budget has 8. */
enum {
	NPAGES = 8192
};

static void fill(struct rig *rig, struct rig_region *region, uint32_t value)
{
	for (size_t page = 0; page < NPAGES; page++)
		rig_write(rig, region, page, value + (uint32_t)page);
}

static void open_rig(struct rig *rig, struct rig_region **ret_region)
{
	rig_open(rig, "budget");
	rig->options.memory_budget_bytes = 1;
	rig->options.full_every = 4;
	*ret_region = rig_add(rig, "ram", 0, NPAGES + 5000, NPAGES + 5000);
	rig_create(rig);
}

static void a_save_larger_than_the_budget(void **state)
{
	struct test_rng rng = test_rng_start("budget");
	struct rig_region *region;
	struct rig rig;

	open_rig(&rig, &region);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 1);
	for (unsigned int i = 0; i < test_rounds(6); i++) {
		fill(&rig, region, i);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* Each waits for the copies of the one before it. */
static void large_saves_overlap(void **state)
{
	enum {
		DEPTH = 3
	};
	struct rig_moment moments[DEPTH];
	uint64_t tickets[DEPTH];
	struct rig_region *region;
	struct rig rig;

	open_rig(&rig, &region);
	for (unsigned int k = 0; k < DEPTH; k++) {
		fill(&rig, region, 100 + k);
		tickets[k] = rig_save(&rig);
		moments[k] = rig_take_moment(&rig);
	}
	for (unsigned int k = 0; k < DEPTH; k++) {
		rig_check(&rig, tickets[k], &moments[k], NULL);
		rig_free_moment(&moments[k]);
	}
	rig_close(&rig);
}

static int fail_third(struct rig *rig, const char *callback)
{
	return rig->npauses == 3 && callback[0] == 's' ? -ENOTTY : 0;
}

/* The writer had begun with it: it leaves nothing, and nothing is lost. */
static void a_large_save_that_fails(void **state)
{
	struct rig_region *region;
	struct rig rig;

	open_rig(&rig, &region);
	rig.hook = fail_third;
	for (unsigned int i = 0; i < 4; i++) {
		fill(&rig, region, 1000 * i);
		if (i == 2) {
			assert_int_equal(smudge_checkpointer_save(rig.cp, NULL,
								  NULL, NULL),
					 -ENOTTY);
			rig_write(&rig, region, 7, 7);
		}
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* The pause ends although there is no room, and the pages are saved later. */
static void a_deadline_without_room(void **state)
{
	struct smudge_save_options options = {.size = sizeof(options),
					      .pause_deadline_ns = 1};
	struct rig_region *region;
	struct rig rig;

	open_rig(&rig, &region);
	fill(&rig, region, 5);
	rig_checkpoint(&rig, NULL);
	fill(&rig, region, 6);
	assert_int_equal(smudge_checkpointer_save(rig.cp, &options, NULL, NULL),
			 -ETIMEDOUT);
	options.pause_deadline_ns = 3000000;
	(void)!smudge_checkpointer_save(rig.cp, &options, NULL, NULL);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

static int discard_first(struct rig *rig, const char *callback)
{
	return strcmp(callback, "quiesce")
		       ? 0
		       : smudge_region_discard(rig->regions[0].region, 100, 500,
					       -1, NULL);
}

/* They were written to the layer already, when they had a content. */
static void pages_discarded_before_the_pause(void **state)
{
	struct rig_region *region;
	struct rig rig;

	open_rig(&rig, &region);
	rig.hook = discard_first;
	for (unsigned int i = 0; i < 5; i++) {
		fill(&rig, region, 7 + i);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

TEST_MAIN(a_save_larger_than_the_budget, large_saves_overlap,
	  a_large_save_that_fails, a_deadline_without_room,
	  pages_discarded_before_the_pause)
