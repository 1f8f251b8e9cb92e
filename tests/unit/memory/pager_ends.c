/* SPDX-License-Identifier: MIT */
/*
 * A pager that ends while one of its threads still answers: nothing is missing,
 * so no page becomes inaccessible.
 */
#include <pthread.h>
#include <sys/mman.h>

#include <smudge/pager.h>

#include "support.h"

#define PAGE   UINT64_C(4096)
#define NPAGES (UINT64_C(4) << 20)

static struct smudge_pager *pager;

/* All are zeros, which takes time to go through. */
static int bring_zeros(void *opaque, unsigned int thread, size_t region,
		       uint64_t offset_bytes, size_t length_bytes,
		       struct smudge_error *err)
{
	int ret = smudge_pager_install(pager, region, offset_bytes,
				       length_bytes, NULL, NULL, err);

	smudge_pager_know_zeros(pager, region, 0, NPAGES * PAGE);
	return ret;
}

static void *touch(void *opaque)
{
	return (void *)(uintptr_t) * (volatile uint8_t *)opaque;
}

/* Nothing is missing: no page becomes inaccessible, though one still counts. */
static void an_answer_as_it_ends(void **state)
{
	struct smudge_memory *memory;
	struct smudge_region *region;
	struct smudge_region_options added = {
		.size = sizeof(added),
		.name = "ram",
		.size_bytes = NPAGES * PAGE,
	};
	const struct smudge_pager_options options = {
		.size = sizeof(options),
		.regions = &region,
		.nregions = 1,
		.bring = bring_zeros,
	};
	uint64_t bytes = NPAGES * PAGE, start = 0, end = bytes;
	uint8_t *ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pthread_t toucher;

	assert_true(ram != MAP_FAILED);
	assert_int_equal(smudge_memory_create(&memory), 0);
	added.hva = ram;
	assert_int_equal(smudge_region_add(memory, &added, &region, NULL), 0);
	assert_int_equal(smudge_pager_create(memory, &options, &pager, NULL),
			 0);
	smudge_pager_know_zeros(pager, 0, bytes / 2, bytes / 2);
	assert_int_equal(pthread_create(&toucher, NULL, touch, ram), 0);
	while (smudge_pager_next_missing(pager, 0, &start, &end)) {
		start = 0;
		end = bytes;
	}
	assert_int_equal(smudge_pager_destroy(pager), 0);
	pthread_join(toucher, NULL);
	for (uint64_t page = 0; page < NPAGES; page += 4999)
		assert_int_equal(ram[page * PAGE], 0);
	assert_int_equal(smudge_memory_destroy(memory, NULL), 0);
	munmap(ram, bytes);
}

TEST_MAIN(an_answer_as_it_ends)
