/* SPDX-License-Identifier: MIT */
/*
 * The rig of the tests of saves that look ahead although only pauses re-arm.
 */
#include "quiesced_rig.h"

#include <string.h>

struct rig_region *quiesced_open(struct rig *rig, const char *name)
{
	struct rig_region *region;

	test_need_uffd();
	rig_open(rig, name);
	rig->options.rearm_policy = SMUDGE_REARM_QUIESCED;
	region = rig_add(rig, "ram", 0, QUIESCED_NPAGES, QUIESCED_NPAGES);
	rig_track_uffd(rig);
	return region;
}

void quiesced_fill(struct rig *rig, struct rig_region *region, uint32_t value)
{
	for (size_t page = 0; page < region->npages; page++)
		rig_write(rig, region, page, value + (uint32_t)page);
}

struct smudge_checkpointer_stats quiesced_stats(struct rig *rig)
{
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};

	assert_int_equal(smudge_checkpointer_stats(rig->cp, &stats), 0);
	return stats;
}

struct quiesced_doing doing;

int quiesced_hook(struct rig *rig, const char *callback)
{
	if (!strcmp(callback, "save_state")) {
		doing.nstates++;
		doing.pauses_at_state = rig->npauses;
	}
	if (!doing.callback || strcmp(callback, doing.callback) ||
	    ++doing.ncalls != doing.call)
		return 0;
	for (size_t i = 0; i < doing.nwritten; i++)
		rig_write(rig, &rig->regions[0], i, 77 + (uint32_t)i);
	if (doing.cancels)
		smudge_checkpointer_cancel(rig->cp);
	return doing.failure;
}
