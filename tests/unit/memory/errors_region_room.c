/* SPDX-License-Identifier: MIT */
/*
 * One region more than a memory may have: -ENOSPC; when one leaves there is
 * room again.
 */
#include "support.h"

#include <errno.h>

#include "fake_source.h"
#include "sentence.h"

static void test_region_room(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region = NULL, *first = NULL;
	char name[16] = "extra";
	struct smudge_error err;
	struct smudge_region_options o = {
		.size = sizeof(o),
		.name = name,
		.hva = (void *)(uintptr_t)0x200000000,
		.gpa = UINT64_C(1) << 40,
		.size_bytes = 4096,
	};

	assert_int_equal(smudge_memory_create(&memory), 0);
	first = fake_region(memory, 0, 1);
	for (uint64_t i = 1; i < SMUDGE_MAX_REGIONS; i++)
		fake_region(memory, i << 12, 1);
	expect_sentence(&err, smudge_region_add(memory, &o, &region, &err),
			-ENOSPC,
			"region extra is one too many: the memory has 4096 "
			"already");
	assert_null(region);
	assert_int_equal(smudge_region_remove(first, NULL), 0);
	assert_int_equal(smudge_region_add(memory, &o, &region, NULL), 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
}

TEST_MAIN(test_region_room)
