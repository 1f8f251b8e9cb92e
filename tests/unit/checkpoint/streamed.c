/* SPDX-License-Identifier: MIT */
/*
 * A full layer that needs more than the budget is written while the machine
 * runs, with a part of the budget: what is not populated costs no time.
 */
#include "checkpoint/checkpointer_objects.h"
#include "rig.h"
#include "sys/guard.h"

#include <unistd.h>

/* 96 MiB, of which the budget has 80. */
enum {
	NPAGES = 24576,
	BUDGET_MIB = 80,
	STREAMED_MIB = 64,
	PREPARED_MIB = 4 /* for the pause, which copies nothing here */
};

/* What is kept for copies when none is handed out; before that: everything. */
static size_t kept_mib(struct rig *rig)
{
	struct smi_copies *copies = &rig->cp->copies;

	SMI_SYS_GUARD(&copies->lock);
	return copies->used ? SIZE_MAX : copies->idle.n * SMI_CHUNK_BYTES >> 20;
}

/* The writing thread gives them back after the layer is in place. */
static size_t wait_for_kept_mib(struct rig *rig, size_t at_most_mib)
{
	size_t mib = kept_mib(rig);

	while (mib > at_most_mib) {
		usleep(1000);
		mib = kept_mib(rig);
	}
	return mib;
}

static void a_part_of_the_budget_is_populated(void **state)
{
	struct rig_region *region;
	struct rig rig;

	rig_open(&rig, "streamed");
	rig.options.memory_budget_bytes = (uint64_t)BUDGET_MIB << 20;
	rig.options.full_every = 1;
	region = rig_add(&rig, "ram", 0, NPAGES, NPAGES);
	rig_create(&rig);
	for (uint32_t i = 0; i < 2; i++) {
		for (size_t page = 0; page < NPAGES; page++)
			rig_write(&rig, region, page, i + (uint32_t)page);
		rig_checkpoint(&rig, NULL);
		assert_in_range(
			wait_for_kept_mib(&rig, STREAMED_MIB + PREPARED_MIB), 2,
			STREAMED_MIB + PREPARED_MIB);
	}
	rig_close(&rig);
}

TEST_MAIN(a_part_of_the_budget_is_populated)
