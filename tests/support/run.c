/* SPDX-License-Identifier: MIT */
/*
 * The main() of the test programs. The cases come as an array of functions and
 * as the source text of that array, which has their names.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/bitmap.h>

#define MAX_CASES    64
#define NAMES_LENGTH 4096

/*
 * SMUDGE_BITMAP_VARIANT names one that this processor has not: all of a test
 * program's cases are then reported as skipped.
 */
static bool lacks_variant(void)
{
	const char *wanted = getenv("SMUDGE_BITMAP_VARIANT");

	if (!wanted || !strcmp(wanted, smudge_bitmap_variant()))
		return false;
	printf("1..0 # SKIP no %s on this processor (%s is used)\n", wanted,
	       smudge_bitmap_variant());
	return true;
}

int test_run(const CMUnitTestFunction *functions, size_t ncases,
	     const char *names, CMFixtureFunction set_up,
	     CMFixtureFunction tear_down)
{
	static struct CMUnitTest cases[MAX_CASES];
	static char copy[NAMES_LENGTH];
	char *rest = copy;

	if (lacks_variant())
		return 0;
	if (ncases > MAX_CASES || strlen(names) >= sizeof(copy)) {
		fprintf(stderr, "more cases than support/run.c has room for\n");
		return 1;
	}
	strcpy(copy, names);
	for (size_t i = 0; i < ncases; i++)
		cases[i] = (struct CMUnitTest){
			.name = strtok_r(rest, ", \t\n", &rest),
			.test_func = functions[i],
			.setup_func = set_up,
			.teardown_func = tear_down,
		};
	return _cmocka_run_group_tests("tests", cases, ncases, NULL, NULL);
}
