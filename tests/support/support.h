/* SPDX-License-Identifier: MIT */
/*
 * What all tests share: a seeded generator whose seed is printed, and skips
 * that SMUDGE_REQUIRE turns into failures.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

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
 * Skip the running cmocka test: @ability ("kvm", "uffd", "unicorn") is missing
 * because of @reason. When SMUDGE_REQUIRE lists the ability it fails instead.
 */
void test_skip_without(const char *ability, const char *reason);

/* skip when @ability is not in a working state; false is never returned */
void test_need_kvm(void);
void test_need_uffd(void);

/*
 * SMUDGE_BITMAP_VARIANT names one that this processor has not: all of a test
 * program's cases are then reported as skipped.
 */
bool test_lacks_variant(void);

#endif
