/* SPDX-License-Identifier: MIT */
/*
 * A save with several pauses that fails, is cancelled or takes too long at any
 * of its steps: the machine runs, and all is dirty again.
 */
#include <errno.h>
#include <string.h>

#include "quiesced_rig.h"

static const struct step {
	const char *callback;
	unsigned int call;
} steps[] = {
	{"quiesce", 1}, {"resume", 1},	   {"quiesce", 2},
	{"resume", 2},	{"save_state", 1},
};

/* At each step, of a full layer and of a delta: then all is dirty again. */
static void stop_at_each_step(struct rig *rig, int failure, bool cancels)
{
	struct rig_region *region = &rig->regions[0];
	size_t nsteps = sizeof(steps) / sizeof(steps[0]);

	for (size_t i = 0; i < 2 * nsteps; i++) {
		struct smudge_error err;

		quiesced_fill(rig, region, 1000 * (uint32_t)i);
		memset(&doing, 0, sizeof(doing));
		doing.callback = steps[i % nsteps].callback;
		doing.call = steps[i % nsteps].call;
		doing.failure = failure;
		doing.cancels = cancels;
		assert_int_equal(
			smudge_checkpointer_save(rig->cp, NULL, NULL, &err),
			cancels ? -ECANCELED : failure);
		assert_int_not_equal(err.message[0], 0);
		assert_int_equal(rig->npauses, rig->nresumes);
		memset(&doing, 0, sizeof(doing));
		if (i % 2)
			rig_checkpoint(rig, NULL);
	}
	rig_checkpoint(rig, NULL);
}

static void run_steps(const char *name, int failure, bool cancels)
{
	struct test_rng rng = test_rng_start(name);
	struct rig rig;

	quiesced_open(&rig, name);
	rig.options.look_ahead = true;
	rig.hook = quiesced_hook;
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 1);
	stop_at_each_step(&rig, failure, cancels);
	rig_close(&rig);
}

static void a_callback_fails(void **state)
{
	run_steps("fails", -ENOTTY, false);
}

static void a_cancel_in_a_callback(void **state)
{
	run_steps("cancel", 0, true);
}

/* Each pause has the whole deadline. From one that none meets on. */
static void deadlines(void **state)
{
	struct test_rng rng = test_rng_start("quiesced deadlines");
	struct smudge_save_options options = {.size = sizeof(options),
					      .look_ahead = true};
	unsigned int nfailed = 0, nplaced = 0;
	struct rig_region *region;
	struct rig rig;

	region = quiesced_open(&rig, "deadlines");
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_start(&rig, 1);
	for (unsigned int i = 0; i < 36; i += 2) {
		struct rig_moment moment;
		uint64_t ticket;
		int ret;

		quiesced_fill(&rig, region, i);
		options.is_full = i % 4 == 0;
		options.pause_deadline_ns = UINT64_C(1) << i;
		ret = smudge_checkpointer_save(rig.cp, &options, &ticket, NULL);
		moment = rig_take_moment(&rig);
		assert_int_equal(rig.npauses, rig.nresumes);
		if (ret)
			assert_int_equal(ret, -ETIMEDOUT);
		else
			rig_check(&rig, ticket, &moment, NULL);
		ret ? nfailed++ : nplaced++;
		rig_free_moment(&moment);
	}
	assert_true(nfailed > 0 && nplaced > 0);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

TEST_MAIN(a_callback_fails, a_cancel_in_a_callback, deadlines)
