/* SPDX-License-Identifier: MIT */
/*
 * A phys_ram_dirty adapter over a memory without regions is refused, and so
 * is a TLB with one of the two calls that belong together.
 */
#include <errno.h>

#include <phys_ram_dirty.h>

#include "support.h"

static bool entry_addr(void *opaque, size_t entry, uint64_t *ret_addr)
{
	return false;
}

static void is_refused(void **state)
{
	static char nowhere[4096] __attribute__((aligned(4096)));
	struct smudge_region_options options = {.size = sizeof(options),
						.name = "ram",
						.hva = nowhere,
						.size_bytes = 4096};
	struct phys_ram_tlb half = {.entry_addr = entry_addr};
	struct phys_ram_dirty *d = NULL;
	struct smudge_memory *memory;
	struct smudge_region *region;

	assert_int_equal(smudge_memory_create(&memory), 0);
	assert_int_equal(phys_ram_create(memory, NULL, &d), -EINVAL);
	assert_int_equal(smudge_region_add(memory, &options, &region, NULL), 0);
	assert_int_equal(phys_ram_create(memory, &half, &d), -EINVAL);
	assert_null(d);
	assert_int_equal(phys_ram_create(memory, NULL, &d), 0);
	phys_ram_destroy(d);
	phys_ram_destroy(NULL);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(is_refused)
