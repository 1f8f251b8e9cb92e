/* SPDX-License-Identifier: MIT */
/*
 * Random programs of every bitmap operation against the byte oracle, on the
 * sizes where words and levels begin and end. Run once for each vector
 * variant: SMUDGE_BITMAP_VARIANT chooses it, and a variant that this
 * processor lacks is a skip.
 */
#include "support.h"

#include "program.h"

static uint64_t draw_random(void *rng, uint64_t bound)
{
	return test_rng_below(rng, bound);
}

static bool run_steps(struct program *program, unsigned int nsteps)
{
	bool is_small = program->oracle[0].npages <= 4097;

	for (unsigned int i = 0; i < nsteps; i++) {
		if (!program_step(program) || !program_sample(program))
			return false;
		if (is_small && !program_compare(program))
			return false;
	}
	return program_compare(program);
}

static void run_size(uint64_t npages, unsigned int nprograms,
		     unsigned int nsteps)
{
	struct test_rng rng = test_rng_start("bitmap_random");
	struct program program = {.draw = draw_random, .opaque = &rng};

	for (unsigned int i = 0; i < test_rounds(nprograms); i++) {
		bool is_right = program_start(&program, npages) &&
				run_steps(&program, nsteps);

		program_end(&program);
		if (!is_right)
			fail_msg("program %u: %s", i, program.failure);
	}
}

static void test_one_page(void **state)
{
	run_size(1, 200, 60);
}

static void test_one_word(void **state)
{
	run_size(63, 200, 60);
	run_size(64, 200, 60);
	run_size(65, 200, 60);
}

static void test_one_summary_word(void **state)
{
	run_size(4095, 12, 40);
	run_size(4096, 12, 40);
	run_size(4097, 12, 40);
}

static void test_two_summary_levels(void **state)
{
	run_size(262143, 3, 70);
	run_size(262144, 3, 70);
	run_size(262145, 3, 70);
}

static void test_any_size(void **state)
{
	struct test_rng rng = test_rng_start("bitmap_random sizes");

	for (int i = 0; i < 20; i++)
		run_size(1 + test_rng_below(&rng, 20000), 2, 60);
}

TEST_MAIN(test_one_page, test_one_word, test_one_summary_word,
	  test_two_summary_levels, test_any_size)
