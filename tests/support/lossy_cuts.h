/* SPDX-License-Identifier: MIT */
/*
 * Crashes behind each event that was noted (lossy.h), and what they leave is
 * looked at.
 */
#ifndef TESTS_SUPPORT_LOSSY_CUTS_H
#define TESTS_SUPPORT_LOSSY_CUTS_H

#include "lossy.h"

struct lossy_cuts {
	const char *folder; /* that the crash leaves */
	/* What is wrong with it, or NULL. */
	const char *(*wrong)(size_t nevents);
	/* Continue from there, as a process that starts later does. */
	void (*continue_from)(struct test_rng *rng);
	/* Remove the folder, if it is there. */
	void (*end)(void);
};

/* Fails the test if something is wrong. Now and then it continues from there.
 */
void lossy_cut(const struct lossy_cuts *cuts, size_t nevents,
	       enum lossy_loss loss, struct test_rng *rng);

/*
 * Behind each event, or one in TEST_STEP (slow.h): everything is flushed, or
 * nothing that need not be.
 */
void lossy_cut_every(const struct lossy_cuts *cuts, struct test_rng *rng);

/* The same @nrounds times, and parts of what was not flushed are lost. */
void lossy_cut_in_part(const struct lossy_cuts *cuts, unsigned int nrounds,
		       struct test_rng *rng);

#endif
