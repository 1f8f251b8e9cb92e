/* SPDX-License-Identifier: MIT */
/*
 * Sources agree: the same seeded program of writes runs under each pair of
 * sources at once, and under each of the two alone, and all report the same
 * pages: those that were written, and no others, unless the table of sources
 * says so. Sources that cannot be at once are compared in turn: a VM logs in
 * one way, a page has one protection.
 *
 * A round is up to 24 events and a harvest, a quiesced one, or a look, which
 * reports everything since the last one that re-armed, as does what follows.
 * SMUDGE_TEST_ROUNDS is the number of rounds of each pair. A failure names the
 * page, the source and the event.
 */
#include <string.h>

#include "agree_pair.h"

#define NROUNDS 100

static void fill_runs(struct agree_pair *pair)
{
	for (; pair->nruns < AGREE_NRUNS; pair->nruns++) {
		struct agree_run *run = &pair->runs[pair->nruns];

		/* two that report otherwise after a look, in turn */
		run->row = pair->rows[pair->nruns % 2];
		for (unsigned long i = 0; i < pair->nrounds; i++)
			for (unsigned int page = 0; page < pair->memory->npages;
			     page++)
				run->pages[i][page] = agree_pair_expects(
					pair, i, run->row, page);
	}
}

static const struct agree_source *find_source(enum agree_looks looks)
{
	const struct agree_source *row = agree_sources;

	while (row->looks != looks)
		row++;
	return row;
}

/* A page too few or too many, in any run and round, is found. */
static void test_differences_are_found(void **state)
{
	struct agree_pair pair = {
		.rows = {find_source(AGREE_LOOKS), find_source(AGREE_MARKS)},
		.memory = &agree_memories[AGREE_PRIVATE],
		.kinds = AGREE_BIT(AGREE_STORE) | AGREE_BIT(AGREE_COPY),
		.nrounds = NROUNDS,
	};

	agree_pair_open(&pair, "agree: differences");
	fill_runs(&pair);
	assert_null(agree_pair_find(&pair).run);
	for (unsigned int n = 0; n < 1000; n++) {
		struct agree_run *run = &pair.runs[n % AGREE_NRUNS];
		unsigned long round = test_rng_below(&pair.rng, NROUNDS);
		unsigned long page =
			test_rng_below(&pair.rng, pair.memory->npages);
		uint8_t *reported = &run->pages[round][page];
		struct agree_difference d;

		*reported ^= 1;
		d = agree_pair_find(&pair);
		assert_ptr_equal(d.run, run);
		assert_int_equal(d.round, round);
		assert_int_equal(d.page, page);
		assert_int_equal(d.is_lost, !*reported);
		*reported ^= 1;
	}
	agree_pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest more =
		cmocka_unit_test(test_differences_are_found);

	return agree_main("agree", &agree_memories[AGREE_PRIVATE], 1, NROUNDS,
			  &more);
}
