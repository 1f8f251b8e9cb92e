/* SPDX-License-Identifier: MIT */
/*
 * Statistics asked for with too small a struct: -EINVAL, nothing written.
 */
#include "support.h"

#include <errno.h>
#include <string.h>

#include <smudge/code.h>

#include "fake_source.h"

static void test_refused(void **state)
{
	struct smudge_code_options options = {.size = sizeof(options)};
	struct smudge_code_stats stats;
	struct smudge_code_stats before;
	struct smudge_memory *memory;
	struct smudge_code *code;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(smudge_code_open(memory, &options, &code, NULL), 0);
	memset(&stats, 0x5a, sizeof(stats));
	stats.size = sizeof(stats) - 1;
	before = stats;
	assert_int_equal(smudge_code_stats(code, &stats), -EINVAL);
	assert_memory_equal(&stats, &before, sizeof(stats));
	smudge_code_close(code);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_refused)
