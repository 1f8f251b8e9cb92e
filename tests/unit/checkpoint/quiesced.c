/* SPDX-License-Identifier: MIT */
/*
 * Saves that look ahead although only pauses may re-arm: a short pause that
 * harvests, copies while the machine runs, and a last pause that copies what
 * was written since. Each layer is the memory of its last pause, I/O into
 * pinned pages included.
 */
#include <string.h>

#include "quiesced_rig.h"

static void each_layer_is_its_moment(void **state)
{
	struct test_rng rng = test_rng_start("quiesced moments");
	struct smudge_layer_info info;
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "moments");
	rig.options.look_ahead = true;
	rig.options.full_every = 3;
	quiesced_fill(&rig, region, 1);
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 2);
	for (unsigned int i = 0; i < test_rounds(6); i++) {
		if (i % 2)
			quiesced_fill(&rig, region, i);
		rig_checkpoint(&rig, &info);
		assert_int_equal(info.is_full, i % 3 == 0);
		if (info.is_full || i % 2)
			assert_true(info.pauses > 1);
	}
	rig_close(&rig);
}

/* The last pause copies what was written since the first one, and no more. */
static void the_last_pause_copies_little(void **state)
{
	struct smudge_checkpointer_stats before, after;
	struct smudge_layer_info info;
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "little");
	rig.options.look_ahead = true;
	rig.hook = quiesced_hook;
	rig_create(&rig);
	for (uint32_t i = 0; i < 4; i++) {
		quiesced_fill(&rig, region, i);
		before = quiesced_stats(&rig);
		memset(&doing, 0, sizeof(doing));
		doing.callback = "resume";
		doing.call = 1;
		doing.nwritten = 10 * i;
		rig_checkpoint(&rig, &info);
		after = quiesced_stats(&rig);
		assert_int_equal(after.copied_pages - before.copied_pages,
				 10 * i);
		assert_int_equal(after.ahead_pages - before.ahead_pages,
				 QUIESCED_NPAGES - 10 * i);
		assert_int_equal(after.pauses - before.pauses, 2);
		assert_int_equal(rig.npauses, after.pauses);
		assert_int_equal(doing.nstates, 1);
		assert_int_equal(doing.pauses_at_state, rig.npauses);
		assert_int_equal(info.pauses, 2);
		assert_true(info.paused_ns > info.pause_ns);
		assert_true(info.longest_pause_ns >= info.pause_ns);
		assert_int_equal(after.paused_ns - before.paused_ns,
				 info.paused_ns);
	}
	rig_close(&rig);
}

/* Much is written while it copies, but less: once more. */
static void more_rounds_where_they_pay(void **state)
{
	static const struct {
		size_t nwritten;
		unsigned int pauses;
	} cases[] = {{0, 2}, {4000, 2}, {4300, 3}, {6000, 2}};
	struct smudge_layer_info info;
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "rounds");
	rig.hook = quiesced_hook;
	rig.options.full_every = 2;
	rig.options.look_ahead = true;
	rig_create(&rig);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		quiesced_fill(&rig, region, (uint32_t)i);
		memset(&doing, 0, sizeof(doing));
		doing.callback = "resume";
		doing.call = 1;
		doing.nwritten = cases[i / 2].nwritten;
		rig_checkpoint(&rig, &info);
		assert_int_equal(info.is_full, i % 2 == 0);
		assert_int_equal(info.pauses, cases[i / 2].pauses);
	}
	rig_close(&rig);
}

/* Little is dirty: the short pause is not worth while. A full one has it. */
static void a_small_delta_has_one_pause(void **state)
{
	struct smudge_save_options options = {.size = sizeof(options),
					      .is_full = true};
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct rig_region *region;
	uint64_t ticket;
	struct rig rig;

	region = quiesced_open(&rig, "small");
	rig.options.look_ahead = true;
	quiesced_fill(&rig, region, 1);
	rig_create(&rig);
	rig_checkpoint(&rig, &info);
	assert_int_equal(info.pauses, 2);
	rig_write(&rig, region, 5, 5);
	rig_checkpoint(&rig, &info);
	assert_int_equal(info.pauses, 1);
	assert_int_equal(info.paused_ns, info.pause_ns);
	assert_int_equal(info.pages, 1);
	assert_int_equal(
		smudge_checkpointer_save(rig.cp, &options, &ticket, NULL), 0);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, &info, NULL),
			 0);
	assert_int_equal(info.pauses, 2);
	rig_close(&rig);
}

/* It cannot look ahead, and does not copy everything twice. */
static void without_callbacks(void **state)
{
	const struct smudge_checkpointer_options *options;
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct rig_region *region;
	uint64_t ticket;
	struct rig rig;

	region = quiesced_open(&rig, "none");
	quiesced_fill(&rig, region, 1);
	rig.options.look_ahead = true;
	rig.options.folder = rig.folder;
	options = &rig.options;
	assert_int_equal(
		smudge_checkpointer_create(rig.memory, options, &rig.cp, NULL),
		0);
	assert_int_equal(smudge_checkpointer_save(rig.cp, NULL, &ticket, NULL),
			 0);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, &info, NULL),
			 0);
	assert_int_equal(info.pauses, 1);
	assert_int_equal(quiesced_stats(&rig).copied_pages, QUIESCED_NPAGES);
	rig_close(&rig);
}

static int discard_some(struct rig *rig, const char *callback)
{
	return strcmp(callback, "quiesce")
		       ? 0
		       : smudge_region_discard(rig->regions[0].region,
					       100 * rig->npauses, 500, -1,
					       NULL);
}

/* The layer is written while pages are copied. */
static void more_than_the_budget(void **state)
{
	struct test_rng rng = test_rng_start("quiesced budget");
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "budget");
	rig.options.look_ahead = true;
	rig.options.memory_budget_bytes = 1;
	rig.options.full_every = 3;
	rig.hook = discard_some;
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 1);
	for (unsigned int i = 0; i < test_rounds(6); i++) {
		quiesced_fill(&rig, region, i);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* Its pauses wait for the I/O; between them it is pinned and written. */
static void pinned_io(void **state)
{
	struct test_rng rng = test_rng_start("pinned");
	struct rig_region *region;
	struct rig rig;

	test_need_uffd();
	rig_open(&rig, "pinned");
	rig.options.rearm_policy = SMUDGE_REARM_QUIESCED;
	rig.options.look_ahead = true;
	rig.options.full_every = 2;
	region = rig_add_io(&rig, "ram", 0, 6000);
	rig_track_uffd(&rig);
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 4);
	for (unsigned int i = 0; i < test_rounds(10); i++) {
		for (size_t page = 0; page < region->npages; page++)
			rig_write(&rig, region, page, 2 * i + 2);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

static int change_regions(struct rig *rig, const char *callback)
{
	static struct rig_region *second;

	if (strcmp(callback, "quiesce"))
		return 0;
	if (second)
		rig_remove(rig, second);
	second = NULL;
	if (rig->npauses % 3)
		second = rig_add(rig, "second", 1 << 30, 300, 300);
	return 0;
}

/* As a process's mappings do, which each pause follows. */
static void regions_change_between_the_pauses(void **state)
{
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "regions");
	rig.options.look_ahead = true;
	rig.options.full_every = 3;
	rig.hook = change_regions;
	rig_create(&rig);
	for (unsigned int i = 0; i < test_rounds(6); i++) {
		quiesced_fill(&rig, region, i);
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

TEST_MAIN(each_layer_is_its_moment, the_last_pause_copies_little,
	  more_rounds_where_they_pay, a_small_delta_has_one_pause,
	  without_callbacks, more_than_the_budget, pinned_io,
	  regions_change_between_the_pauses)
