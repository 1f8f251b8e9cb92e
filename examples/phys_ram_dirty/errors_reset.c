/* SPDX-License-Identifier: MIT */
/*
 * A reset over several regions continues after a failure. It returns the first
 * failure and its sentence, though later regions are reset without any.
 */
#include <errno.h>

#include <phys_ram_dirty.h>

#include "fake_source.h"
#include "support.h"

#define NPAGES 16

static void first_failure_is_said(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct fake_source low, high;
	struct phys_ram_dirty *d = NULL;
	struct smudge_memory *memory;

	assert_int_equal(smudge_memory_create(&memory), 0);
	fake_create(&low, true);
	fake_create(&high, true);
	assert_int_equal(smudge_region_attach(fake_region(memory, 0, NPAGES),
					      low.source, 0, 0, NULL),
			 0);
	assert_int_equal(
		smudge_region_attach(fake_region(memory, NPAGES << 12, NPAGES),
				     high.source, 0, 0, NULL),
		0);
	assert_int_equal(phys_ram_create(memory, NULL, &d), 0);
	assert_int_equal(phys_ram_start_tracking(d, MIGRATION_DIRTY_FLAG, NULL),
			 0);
	low.rearm_error = -ENXIO;
	assert_int_equal(phys_ram_reset_dirty(d, 0, 2 * NPAGES << 12,
					      MIGRATION_DIRTY_FLAG, &err),
			 -EIO);
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.message, "told not to re-arm");
	assert_int_equal(err.region, 0);
	assert_int_equal(high.rearmed_pages, NPAGES);
	phys_ram_destroy(d);
	fake_destroy(&low);
	fake_destroy(&high);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

/* The adapter keeps the regions it was made with. */
static void regions_are_held(void **state)
{
	struct phys_ram_dirty *d = NULL;
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, NPAGES);
	assert_int_equal(phys_ram_create(memory, NULL, &d), 0);
	assert_int_equal(smudge_region_remove(region, NULL), -EBUSY);
	phys_ram_destroy(d);
	assert_int_equal(smudge_region_remove(region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(first_failure_is_said, regions_are_held)
