/* SPDX-License-Identifier: MIT */
/*
 * Crashes behind each event that was noted.
 */
#include "lossy_cuts.h"
#include "slow.h"

/* The first event of a walk: another one each time, where some are left out. */
static size_t first_event(struct test_rng *rng)
{
	return test_rng_below(rng, TEST_STEP);
}

void lossy_cut(const struct lossy_cuts *cuts, size_t nevents,
	       enum lossy_loss loss, struct test_rng *rng)
{
	const char *wrong;

	lossy_crash(nevents, loss, rng, cuts->folder);
	wrong = cuts->wrong(nevents);
	if (wrong)
		fail_msg("after %zu events, the last: %s: %s", nevents,
			 nevents ? lossy_event(nevents - 1) : "", wrong);
	if (test_rng_below(rng, 8) == 0)
		cuts->continue_from(rng);
	cuts->end();
}

void lossy_cut_every(const struct lossy_cuts *cuts, struct test_rng *rng)
{
	for (size_t i = first_event(rng); i <= lossy_nevents();
	     i += TEST_STEP) {
		lossy_cut(cuts, i, LOSSY_NONE, rng);
		lossy_cut(cuts, i, LOSSY_ALL, rng);
	}
}

void lossy_cut_in_part(const struct lossy_cuts *cuts, unsigned int nrounds,
		       struct test_rng *rng)
{
	for (size_t i = first_event(rng); i <= lossy_nevents();
	     i += TEST_STEP) {
		for (unsigned int j = 0; j < nrounds; j++)
			lossy_cut(cuts, i, LOSSY_SOME, rng);
		lossy_cut(cuts, i, LOSSY_FILES, rng);
	}
}
