/* SPDX-License-Identifier: MIT */
/*
 * The place that the cases of regions which come and go work on.
 */
#include "process_place.h"

static const struct smudge_process_options by_uffd = {
	.size = sizeof(by_uffd), .method = SMUDGE_PROCESS_UFFD};

struct process_rig rig;
uint64_t room;
uint64_t at;

void fill(uint64_t from, uint64_t npages)
{
	for (uint64_t i = 0; i < npages; i++)
		rig_store(&rig, from + i * P, 1);
}

void open_rig(void)
{
	process_rig_start(&rig);
	room = rig_mmap(&rig, 0, 4 << 20, PROT_NONE, ANON, -1);
	at = rig_mmap(&rig, room + (1 << 20), BYTES, RW, FIXED, -1);
	fill(at, N);
	process_rig_track(&rig, &by_uffd);
	rig_harvest(&rig);
	rig_clean(&rig);
}

void close_rig(void)
{
	process_rig_stop(&rig);
}

void harvest_and_expect(uint64_t from, uint64_t npages, uint64_t ndirty)
{
	rig_harvest(&rig);
	assert_int_equal(rig_count(&rig, from, npages * P), ndirty);
}
