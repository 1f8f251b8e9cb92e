/* SPDX-License-Identifier: MIT */
/*
 * Leaving needs no memory: a memory with regions and sources is destroyed
 * while malloc fails, and a region that cannot leave says so.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>

#include "fake_source.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool is_exhausted;
static unsigned int nrefused;

void *__wrap_malloc(size_t size)
{
	if (!is_exhausted)
		return __real_malloc(size);
	/* a caller that only tries again would do so for ever */
	if (++nrefused > 1000)
		abort();
	errno = ENOMEM;
	return NULL;
}

static void test_destroy_without_memory(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct fake_source fake;
	int removed, destroyed;

	assert_int_equal(smudge_memory_create(&memory), 0);
	region = fake_region(memory, 0, 10);
	fake_region(memory, 0x1000000, 10);
	fake_create(&fake, false);
	assert_int_equal(smudge_region_attach(region, fake.source, 0, 0, NULL),
			 0);
	is_exhausted = true;
	removed = smudge_region_remove(region, NULL);
	destroyed = smudge_memory_destroy(memory, NULL);
	is_exhausted = false;
	assert_int_equal(removed, -ENOMEM);
	assert_int_equal(destroyed, 0);
	fake_destroy(&fake);
}

TEST_MAIN(test_destroy_without_memory)
