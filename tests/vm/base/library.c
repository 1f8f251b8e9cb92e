/* SPDX-License-Identifier: MIT */
/*
 * A library is loaded with all its functions, or a sentence says what is
 * missing and nothing is changed.
 */
#include "base/library.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <smudge/error.h>

#include "support.h"

static void test_all_functions(void **state)
{
	static const char *const names[] = {"floor", "ceil"};
	struct {
		__typeof__(&floor) floor;
		__typeof__(&ceil) ceil;
	} functions = {0};

	for (int i = 0; i < 2; i++)
		assert_int_equal(library_load("libm.so.6", names, 2,
					      (void **)&functions, NULL),
				 0);
	assert_true(functions.floor(1.5) == 1.0);
	assert_true(functions.ceil(1.5) == 2.0);
}

static void refuses(const char *file, const char *name, const char *word)
{
	const char *const names[] = {"floor", name};
	void *functions[] = {NULL, NULL};
	struct smudge_error err = {0};

	assert_int_equal(library_load(file, names, 2, functions, &err),
			 -ENODEV);
	assert_null(functions[0]);
	assert_non_null(strstr(err.message, file));
	assert_non_null(strstr(err.message, word));
}

static void test_what_is_missing(void **state)
{
	refuses("libsmudge-there-is-none.so.7", "ceil", "cannot open");
	refuses("libm.so.6", "no_such_function", "no_such_function");
}

TEST_MAIN(test_all_functions, test_what_is_missing)
