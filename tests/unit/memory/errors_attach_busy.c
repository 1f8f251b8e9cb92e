/* SPDX-License-Identifier: MIT */
/*
 * Attaching a source that is attached already: -EBUSY, it stays where it is.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"

static void test_attach_busy(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_error err = {0};
	struct fake_source fake;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 100);
	fake_create(&fake, false);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 10, NULL),
			 0);
	assert_int_equal(
		smudge_region_attach(region, fake.source, 20, 10, &err),
		-EBUSY);
	assert_int_equal(err.code, -EBUSY);
	assert_int_equal(smudge_source_detach(fake.source, NULL), 0);
	assert_int_equal(
		smudge_region_attach(region, fake.source, 20, 10, NULL), 0);
	fake_destroy(&fake);
	assert_int_equal(smudge_memory_destroy(memory), 0);
}

TEST_MAIN(test_attach_busy)
