/* SPDX-License-Identifier: MIT */
/*
 * How a text begins.
 */
#include "common/text.h"

#include "support.h"

static void begins(void **state)
{
	assert_true(text_begins("/dev/shm/a", "/dev/"));
	assert_true(text_begins("/dev/", "/dev/"));
	assert_true(text_begins("a", ""));
	assert_true(text_begins("", ""));
	assert_false(text_begins("/dev", "/dev/"));
	assert_false(text_begins("", "a"));
	assert_false(text_begins("b/dev/", "/dev/"));
}

static void begins_with_any(void **state)
{
	static const char *const with[] = {"/dev/shm/", "/memfd:"};

	assert_true(text_begins_with_any("/dev/shm/a", with, 2));
	assert_true(text_begins_with_any("/memfd:a", with, 2));
	assert_false(text_begins_with_any("/memfd:a", with, 1));
	assert_false(text_begins_with_any("/dev/a", with, 2));
	assert_false(text_begins_with_any("/dev/shm/a", with, 0));
}

TEST_MAIN(begins, begins_with_any)
