/* SPDX-License-Identifier: MIT */
/*
 * What all tests share: their main(), a seeded generator whose seed is printed,
 * and skips that SMUDGE_REQUIRE turns into failures.
 */
#ifndef TESTS_SUPPORT_SUPPORT_H
#define TESTS_SUPPORT_SUPPORT_H

#include <stdbool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct test_rng {
	uint64_t state;
};

/*
 * A generator for the named test. The seed is SMUDGE_TEST_SEED, or drawn
 * anew, and printed on stderr either way.
 */
struct test_rng test_rng_start(const char *test_name);

uint64_t test_rng_next(struct test_rng *rng);

/* Evenly in [0, bound); bound is not 0. */
uint64_t test_rng_below(struct test_rng *rng, uint64_t bound);

/*
 * How many of @usual rounds, steps or passes a racing or random test makes:
 * SMUDGE_TEST_PERCENT of them, else as many as slow.h says, but at least one.
 */
unsigned int test_rounds(unsigned int usual);

/*
 * Skip the running cmocka test: @ability ("kvm", "uffd", "unicorn") is missing
 * because of @reason. When SMUDGE_REQUIRE lists the ability it fails instead.
 */
void test_skip_without(const char *ability, const char *reason);

/* skip when @ability is not in a working state; false is never returned */
void test_need_kvm(void);
void test_need_uffd(void);

/* For a test that has less to do without it. True where it is required. */
bool test_has_kvm(void);

/*
 * The main() of a test program: runs the functions, each one case, in order.
 * TEST_MAIN_WITH has what runs before and after each of them.
 */
#define TEST_MAIN(...) TEST_MAIN_WITH(NULL, NULL, __VA_ARGS__)
#define TEST_MAIN_WITH(set_up, tear_down, ...)                             \
	int main(void)                                                     \
	{                                                                  \
		const CMUnitTestFunction test_functions[] = {__VA_ARGS__}; \
                                                                           \
		return test_run(test_functions,                            \
				sizeof(test_functions) /                   \
					sizeof(test_functions[0]),         \
				#__VA_ARGS__, set_up, tear_down);          \
	}

/* What TEST_MAIN calls; @names are the cases', with commas between them. */
int test_run(const CMUnitTestFunction *functions, size_t ncases,
	     const char *names, CMFixtureFunction set_up,
	     CMFixtureFunction tear_down);

#endif
