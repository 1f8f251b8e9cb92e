/* SPDX-License-Identifier: MIT */
/*
 * Memory that userfaultfd tracks: the writers mark nothing, under both re-arm
 * policies.
 */
#include "rig.h"

static void run(const char *name, enum smudge_rearm_policy policy,
		bool look_ahead)
{
	struct test_rng rng = test_rng_start(name);
	struct smudge_layer_info info;
	struct rig rig;

	test_need_uffd();
	rig_open(&rig, name);
	rig.options.rearm_policy = policy;
	rig.options.look_ahead = look_ahead;
	rig.options.full_every = 5;
	rig_add(&rig, "ram", 0, 3000, 3000);
	rig_add(&rig, "high", 1 << 30, 5000, 5000);
	rig_write_random(&rig, &rng, 1000);
	rig_track_uffd(&rig);
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 2);
	for (unsigned int i = 0; i < test_rounds(12); i++)
		rig_checkpoint(&rig, &info);
	/* What nothing writes is not stored again. */
	rig_stop(&rig);
	rig_checkpoint(&rig, &info);
	rig_checkpoint(&rig, &info);
	if (!info.is_full)
		assert_int_equal(info.pages, 0);
	rig_close(&rig);
}

static void always(void **state)
{
	run("always", SMUDGE_REARM_ALWAYS, false);
}

static void looking_ahead(void **state)
{
	run("ahead", SMUDGE_REARM_ALWAYS, true);
}

static void quiesced(void **state)
{
	run("quiesced", SMUDGE_REARM_QUIESCED, false);
}

static void quiesced_looking_ahead(void **state)
{
	run("quiesced ahead", SMUDGE_REARM_QUIESCED, true);
}

/* Each pause has the harvest of its quiesce, and no other one. */
static void quiesce_harvests(void **state)
{
	struct smudge_memory_stats stats = {.size = sizeof(stats)};
	struct test_rng rng = test_rng_start("quiesce harvests");
	struct smudge_layer_info info;
	struct rig rig;

	test_need_uffd();
	rig_open(&rig, "quiesce harvests");
	rig.options.rearm_policy = SMUDGE_REARM_QUIESCED;
	rig.options.quiesce_harvests = true;
	rig.options.look_ahead = true;
	rig_add(&rig, "ram", 0, 3000, 3000);
	rig_add(&rig, "high", 1 << 30, 5000, 5000);
	rig_write_random(&rig, &rng, 1000);
	rig_track_uffd(&rig);
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 2);
	for (unsigned int i = 0; i < test_rounds(12); i++)
		rig_checkpoint(&rig, &info);
	rig_stop(&rig);
	assert_int_equal(smudge_memory_stats(rig.memory, &stats), 0);
	assert_int_equal(stats.harvests, 2 * rig.npauses);
	rig_close(&rig);
}

TEST_MAIN(always, looking_ahead, quiesced, quiesced_looking_ahead,
	  quiesce_harvests)
