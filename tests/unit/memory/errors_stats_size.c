/* SPDX-License-Identifier: MIT */
/*
 * Statistics structs too small for the first version: -EINVAL, not written.
 * Those of the first version are filled, and nothing beyond them.
 */
#include "support.h"

#include <errno.h>
#include <stddef.h>

#include "fake_source.h"

static void test_stats_size(void **state)
{
	struct smudge_memory *memory;
	struct fake_source fake;
	struct smudge_memory_stats stats = {.size = 8, .nregions = 77};
	struct smudge_source_stats source = {.size = 8, .harvests = 77};

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_create(&fake, false);
	assert_int_equal(smudge_memory_stats(memory, &stats), -EINVAL);
	assert_int_equal(stats.nregions, 77);
	assert_int_equal(smudge_source_stats(fake.source, &source), -EINVAL);
	assert_int_equal(source.harvests, 77);
	stats.size = offsetof(struct smudge_memory_stats, looks);
	stats.looks = 78;
	assert_int_equal(smudge_memory_stats(memory, &stats), 0);
	assert_int_equal(stats.nregions, 0);
	assert_int_equal(stats.looks, 78);
	source.size = offsetof(struct smudge_source_stats, looks);
	source.looks = 78;
	assert_int_equal(smudge_source_stats(fake.source, &source), 0);
	assert_int_equal(source.harvests, 0);
	assert_int_equal(source.looks, 78);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_stats_size)
