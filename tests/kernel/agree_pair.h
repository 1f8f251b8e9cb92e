/* SPDX-License-Identifier: MIT */
/*
 * A pair of sources under one seeded program: its runs, and what the pages of
 * each round must be.
 *
 * In the first half of the rounds every harvest re-arms, in the second half
 * only quiesced ones do, for sources that have a look.
 */
#ifndef TESTS_KERNEL_AGREE_PAIR_H
#define TESTS_KERNEL_AGREE_PAIR_H

#include "agree.h"

#define AGREE_NRUNS 4 /* two at once, two alone */

/* What a report counts from. */
enum agree_since {
	AGREE_SINCE_TAKE,
	AGREE_SINCE_HARVEST,
	AGREE_SINCE_QUIESCED_HARVEST,
	AGREE_NSINCE
};

/* What the program did to the pages until the end of one round. */
struct agree_effect {
	/* the event that wrote it last, counted from 1 over all rounds; or 0 */
	uint32_t last[AGREE_NSINCE][AGREE_MAX_PAGES];
	enum agree_end end;
};

struct agree_run {
	const char *how;
	const struct agree_source *row;
	uint8_t (*pages)[AGREE_MAX_PAGES]; /* [nrounds] */
};

struct agree_pair {
	const struct agree_source *rows[2];
	const struct agree_memory *memory;
	unsigned int kinds; /* that both see */
	struct test_rng rng;
	unsigned long nrounds;
	struct agree_effect *effects; /* [nrounds] */
	struct agree_run runs[AGREE_NRUNS];
	unsigned int nruns;
};

struct agree_difference {
	unsigned long round;
	unsigned int page;
	const struct agree_run *run; /* NULL: there is none */
	bool is_lost;
};

/* rows, memory, kinds and nrounds are set. @name: for the seed. */
void agree_pair_open(struct agree_pair *pair, const char *name);
void agree_pair_close(struct agree_pair *pair);

bool agree_pair_can_be_at_once(const struct agree_pair *pair);
/* All rounds under one or two of its sources, noted in as many runs. */
void agree_pair_run(struct agree_pair *pair,
		    const struct agree_source *const *rows, size_t n,
		    const char *how);

/* The page must be reported by this row at the end of this round. */
bool agree_pair_expects(const struct agree_pair *pair, unsigned long round,
			const struct agree_source *row, unsigned int page);
/* The first one, in the order of rounds. */
struct agree_difference agree_pair_find(const struct agree_pair *pair);
/* Fails the test with the page, the source and the event. */
void agree_pair_expect_no_difference(const struct agree_pair *pair);

/*
 * The main() of a test: all pairs of sources in each of these memories, then
 * @more, which may be NULL. SMUDGE_TEST_ROUNDS replaces @nrounds.
 */
int agree_main(const char *group, const struct agree_memory *memories,
	       size_t nmemories, unsigned long nrounds,
	       const struct CMUnitTest *more);

#endif
