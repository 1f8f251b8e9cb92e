/* SPDX-License-Identifier: MIT */
/*
 * One process for all steps; each worker makes progress after each.
 */
#include "steps.h"

#include <stdio.h>

#include "rig.h"
#include "support.h"

#define WORKERS	    5
#define MAX_STEPS   1000
#define MOST_STRIDE 8U

static void choose(struct test_rng *rng, const struct rig_kind **kinds)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		uint64_t n = test_rng_below(rng, rig_nwaits + rig_nothers);

		kinds[i] = n < rig_nwaits ? rig_waits[n]
					  : rig_others[n - rig_nwaits];
	}
}

/* Every step, or one in so many where fewer rounds are wanted. */
static unsigned int stride(void)
{
	unsigned int n = test_rounds(MOST_STRIDE);

	return n < MOST_STRIDE ? MOST_STRIDE / n : 1;
}

/* A guardian that is killed may leave one unused descriptor per time. */
void steps_disturb(enum tracker_work work, enum tracker_disturbance disturbance,
		   bool has_filter)
{
	struct test_rng rng = test_rng_start("process/kill");
	const struct rig_options options = {.is_main_hidden = true,
					    .has_filter = has_filter};
	const struct rig_kind *kinds[WORKERS];
	bool is_killed = disturbance == TRACKER_KILL_GUARDIAN;
	unsigned int step, first, ntimes = 0;
	bool is_reached = true;
	struct rig rig;

	choose(&rng, kinds);
	first = (unsigned int)test_rng_below(&rng, stride());
	rig = rig_start(kinds, WORKERS, &options);
	atomic_store(&rig.shared->are_eintrs_allowed, is_killed);
	for (step = first; is_reached && step < MAX_STEPS; step += stride()) {
		char name[32];

		is_reached = tracker_disturbed(rig.pid, work, disturbance, step,
					       name);
		rig_progress(&rig);
		rig_expect_clean(&rig, is_killed && work == TRACKER_ATTACHES
					       ? ntimes + (first > 0)
					       : 0);
		ntimes++;
	}
	assert_true(step > WORKERS * 4);
	fprintf(stderr, "# %u of %u steps\n", ntimes, step);
	rig_end(&rig);
}
