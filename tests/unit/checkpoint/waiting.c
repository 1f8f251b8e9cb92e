/* SPDX-License-Identifier: MIT */
/*
 * While a layer is written its pages wait no more, one after the other: what a
 * program shows as progress.
 */
#include "fail_writes.h"
#include "rig.h"

enum {
	NPAGES = 4096,
	CHUNK_NPAGES = 256 /* that the one thread writes at once */
};

struct seen {
	struct smudge_checkpointer *cp;
	unsigned int n;
	uint64_t first, last; /* pages that wait */
	bool has_failed, has_risen;
};

static void see(void *opaque)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct seen *seen = opaque;

	seen->has_failed |= smudge_checkpointer_stats(seen->cp, &stats) != 0;
	if (!seen->n++)
		seen->first = stats.waiting_pages;
	else
		seen->has_risen |= stats.waiting_pages > seen->last;
	seen->last = stats.waiting_pages;
}

static void waiting_pages_become_fewer(void **state)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct rig_region *ram;
	struct seen seen = {0};
	struct rig rig;

	rig_open(&rig, "waiting");
	rig.options.nthreads = 1;
	rig.options.uncompressed = true;
	ram = rig_add(&rig, "ram", 0, NPAGES, NPAGES);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	for (size_t page = 0; page < NPAGES; page++)
		rig_write(&rig, ram, page, (uint32_t)page + 1);
	seen.cp = rig.cp;
	fail_writes_watch(see, &seen);
	rig_checkpoint(&rig, NULL);
	fail_writes_watch(NULL, NULL);
	assert_false(seen.has_failed || seen.has_risen);
	assert_int_equal(seen.first, NPAGES);
	assert_true(seen.last <= CHUNK_NPAGES);
	assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
	assert_int_equal(stats.waiting_pages, 0);
	rig_close(&rig);
}

TEST_MAIN(waiting_pages_become_fewer)
