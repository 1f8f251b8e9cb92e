/* SPDX-License-Identifier: MIT */
/*
 * Runs must be in order, not empty, and lie in the range that was asked for.
 */
#include "populated_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *populated_map(uint64_t npages, int flags)
{
	void *at = mmap(NULL, npages << 12, PROT_READ | PROT_WRITE,
			flags | MAP_ANONYMOUS, -1, 0);

	if (at != MAP_FAILED)
		madvise(at, npages << 12, MADV_NOHUGEPAGE);
	return at;
}

bool populated_open(struct populated_rig *rig, void *ram, uint64_t npages,
		    unsigned int page_shift)
{
	const struct smudge_region_options options = {
		.size = sizeof(options),
		.name = "ram",
		.hva = ram,
		.size_bytes = npages << page_shift,
		.page_shift = page_shift,
	};

	*rig = (struct populated_rig){.npages = npages,
				      .is_populated = malloc(npages)};
	CHECK(rig->is_populated);
	CHECK(smudge_memory_create(&rig->memory) == 0);
	CHECK(smudge_region_add(rig->memory, &options, &rig->region, NULL) ==
	      0);
	return true;
}

bool populated_close(struct populated_rig *rig)
{
	free(rig->is_populated);
	CHECK(smudge_memory_destroy(rig->memory, NULL) == 0);
	return true;
}

bool populated_ask(struct populated_rig *rig, uint64_t first, uint64_t end)
{
	struct smudge_run run;
	int ret;

	memset(rig->is_populated, 0, rig->npages);
	rig->ncalls = 0;
	for (;;) {
		ret = smudge_region_next_populated(rig->region, first, end,
						   &run, NULL);
		rig->ncalls++;
		if (ret != 1)
			break;
		CHECK(run.npages && run.first_page >= first &&
		      run.first_page < end &&
		      run.npages <= end - run.first_page);
		memset(rig->is_populated + run.first_page, 1, run.npages);
		first = run.first_page + run.npages;
	}
	CHECK(ret == 0);
	return true;
}

uint64_t populated_count(const struct populated_rig *rig)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < rig->npages; i++)
		n += rig->is_populated[i];
	return n;
}
