/* SPDX-License-Identifier: MIT */
/*
 * Blocks outside the regions, across two of them, empty, over three pages or
 * of absurd length: -EINVAL with a sentence, and nothing is watched.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"

static void test_refused(void **state)
{
	static const struct smudge_code_range bad[] = {
		{.gpa = 100 << 12, .length_bytes = 1},
		{.gpa = (100 << 12) - 1, .length_bytes = 2},
		{.gpa = 0x5000, .length_bytes = 0},
		{.gpa = 0x5fff, .length_bytes = 4098},
		{.gpa = 0x5000, .length_bytes = UINT64_MAX},
		{.gpa = UINT64_MAX, .length_bytes = 1},
		{.gpa = UINT64_MAX, .length_bytes = UINT64_MAX},
		{.gpa = 0x200000 - 1, .length_bytes = 2},
	};
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_code_stats stats = {.size = sizeof(stats)};
	struct smudge_memory *memory;
	struct smudge_code *code;

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_region(memory, 0, 100);
	fake_region(memory, 0x100000, 256);
	fake_region(memory, 0x200000, 16);
	assert_int_equal(smudge_code_open(memory, &options, &code, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct smudge_error err = {0};

		assert_int_equal(smudge_code_add(code, bad[i].gpa,
						 bad[i].length_bytes, 0, &err),
				 -EINVAL);
		assert_true(strstr(err.message, "a block of "));
		smudge_code_forget(code, bad[i].gpa, bad[i].length_bytes);
	}
	assert_false(smudge_code_watches(code, UINT64_MAX));
	assert_int_equal(smudge_code_stats(code, &stats), 0);
	assert_int_equal(stats.watched_pages, 0);
	/* two pages are the most */
	assert_int_equal(smudge_code_add(code, 0x5fff, 4097,
					 smudge_code_now(code), NULL),
			 -EAGAIN);
	assert_int_equal(smudge_code_add(code, 0x5fff, 4097,
					 smudge_code_now(code), NULL),
			 0);
	smudge_code_close(code);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_refused)
