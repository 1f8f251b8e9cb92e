/* SPDX-License-Identifier: MIT */
/*
 * The version is written in meson.build and in the headers: they agree, and so
 * do the library's two answers. Versions compare as numbers, in #if too.
 */
#include "support.h"

#include <stdio.h>

#include <smudge/smudge.h>

#if !SMUDGE_VERSION_AT_LEAST(0, 1, 0) || SMUDGE_VERSION_AT_LEAST(999, 0, 0)
#error "versions do not compare"
#endif

static void test_headers_and_project(void **state)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", SMUDGE_VERSION_MAJOR,
		 SMUDGE_VERSION_MINOR, SMUDGE_VERSION_PATCH);
	assert_string_equal(text, PROJECT_VERSION);
}

static void test_library(void **state)
{
	assert_string_equal(smudge_version(), PROJECT_VERSION);
	assert_int_equal(smudge_version_number(), SMUDGE_VERSION);
}

static void test_order(void **state)
{
	assert_true(SMUDGE_VERSION_OF(0, 1, 999) < SMUDGE_VERSION_OF(0, 2, 0));
	assert_true(SMUDGE_VERSION_OF(0, 999, 0) < SMUDGE_VERSION_OF(1, 0, 0));
	assert_int_equal(SMUDGE_VERSION_OF(1, 2, 3), 1002003);
}

TEST_MAIN(test_headers_and_project, test_library, test_order)
