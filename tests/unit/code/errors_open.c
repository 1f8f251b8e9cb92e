/* SPDX-License-Identifier: MIT */
/*
 * Options that are wrong: -EINVAL with a sentence that has the one cause, and
 * nothing is open.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"

static void test_refused(void **state)
{
	static const char *const sentences[] = {
		"too short",
		"longer than 31 bytes",
		"count 1 regions, and name none",
		"region ram-0 is named twice",
		"options of 0 bytes is too short",
	};
	struct smudge_code_options good = {.size = sizeof(good)};
	struct smudge_code_options bad[5];
	struct smudge_region *regions[2];
	struct smudge_memory *memory;
	struct smudge_code *code = NULL;

	assert_int_equal(smudge_memory_create(&memory), 0);
	regions[0] = regions[1] = fake_region(memory, 0, 100);
	for (int i = 0; i < 5; i++)
		bad[i] = good;
	bad[0].size = sizeof(good) - 1;
	bad[1].name = "a name that is longer than 31 bytes";
	bad[2].nregions = 1;
	bad[3].regions = regions;
	bad[3].nregions = 2;
	bad[4].size = 0;
	for (int i = 0; i < 5; i++) {
		struct smudge_error err = {0};

		assert_int_equal(smudge_code_open(memory, &bad[i], &code, &err),
				 -EINVAL);
		assert_null(code);
		assert_int_equal(err.code, -EINVAL);
		if (!strstr(err.message, sentences[i]))
			fail_msg("\"%s\" does not say \"%s\"", err.message,
				 sentences[i]);
	}
	smudge_code_close(NULL);
	assert_int_equal(fake_stats(memory).nclients, 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_refused)
