/* SPDX-License-Identifier: MIT */
/*
 * What the receiver does to its own memory: received pages are dirty for
 * clients that watch there, and zero pages take no memory.
 */
#include "migrate_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <smudge/client.h>

/* KiB of private memory behind the mapping that holds @at; -1 if unknown. */
static long anonymous_kib(const void *at)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	unsigned long begin;
	unsigned long end;
	char line[256];
	bool is_inside = false;
	long kib = -1;

	while (maps && kib < 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
			is_inside = (unsigned long)at >= begin &&
				    (unsigned long)at < end;
		else if (is_inside)
			sscanf(line, "Anonymous: %ld", &kib);
	}
	if (maps)
		fclose(maps);
	return kib;
}

static void move(struct rig *rig)
{
	rig_start_receiver(rig);
	assert_int_equal(rig_send(rig, NULL), 0);
	rig_join_receiver(rig);
	assert_int_equal(rig->receive_error, 0);
}

static void zero_pages_take_no_memory(void **state)
{
	struct rig rig = {
		.page_shift = 12, .npages = {16384, 16}, .rounds_wanted = 1};
	long before;
	long after;

	rig_open(&rig, "zero_pages_take_no_memory");
	before = anonymous_kib(rig.destination.hva[0]);
	if (before < 0) {
		rig_close(&rig);
		test_skip_without("smaps", "/proc/self/smaps tells nothing");
		return;
	}
	move(&rig);
	after = anonymous_kib(rig.destination.hva[0]);
	/* Mappings side by side may be one: room for the other's pages. */
	assert_true(after - before < 4096);
	rig_close(&rig);
}

static void received_pages_are_dirty_here(void **state)
{
	struct rig rig = {.rounds_wanted = 1};
	struct smudge_client_options options = {.size = sizeof(options),
						.name = "watcher"};
	struct smudge_client *client;
	struct smudge_region *region;

	rig_open(&rig, "received_pages_are_dirty_here");
	region = rig.destination.regions[0];
	assert_int_equal(smudge_client_open(rig.destination.memory, &options,
					    &client, NULL),
			 0);
	assert_int_equal(
		smudge_client_skip(client, region, 0, rig.npages[0], NULL), 0);
	rig.source.hva[0][7 << 12] = 1;
	move(&rig);
	assert_true(smudge_client_all(client, region, 0, rig.npages[0]));
	assert_int_equal(smudge_client_close(client), 0);
	rig_close(&rig);
}

TEST_MAIN(zero_pages_take_no_memory, received_pages_are_dirty_here)
