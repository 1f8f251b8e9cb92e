/* SPDX-License-Identifier: MIT */
/*
 * -ENOSPC: a device that is too small for the moment, with the size that is
 * needed; and one whose engine has no room left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;

/* 700 pages, a table of 3, a tail, a footer. */
static void a_device_that_is_too_small(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_full small");
	struct smudge_error err;
	char needed[64];

	for (uint64_t npages = 0; npages < 705; npages += 1 + npages / 2) {
		live_open(&live, "live-small", npages * 4096 + 100, 1);
		rig_add(&live.rig, "ram", 0, 700, 700);
		rig_write_random(&live.rig, &rng, 300);
		live_create(&live);
		assert_int_equal(live_try(&live, &err), -ENOSPC);
		snprintf(needed, sizeof(needed), "needs %d", 705 * 4096);
		assert_non_null(strstr(err.message, needed));
		/* It was not touched. */
		assert_int_equal(live.disk.ncalls, 0);
		live_close(&live);
	}
	live_open(&live, "live-small", 705 * 4096, 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, &rng, 300);
	live_create(&live);
	live_checkpoint(&live, NULL);
	live_close(&live);
}

/* Gaps that regions left are of no use for a larger one; a full save is. */
static void a_device_with_gaps(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_full gaps");
	struct smudge_layer_info info;
	struct rig_region *second;
	struct smudge_error err;

	live_open(&live, "live-gaps", 1000 * 4096, 1);
	rig_add(&live.rig, "ram", 0, 100, 100);
	second = rig_add(&live.rig, "second", 1 << 30, 400, 400);
	rig_add(&live.rig, "third", UINT64_C(2) << 30, 100, 100);
	rig_write_random(&live.rig, &rng, 300);
	live_create(&live);
	live_checkpoint(&live, NULL);
	rig_remove(&live.rig, second);
	rig_add(&live.rig, "fourth", UINT64_C(3) << 30, 500, 500);
	assert_int_equal(live_try(&live, &err), -ENOSPC);
	assert_non_null(strstr(err.message, "the next save is a full one"));
	/* The device still shows the moment before. */
	assert_int_equal(live_look(&live.disk, &live.saved, NULL), 0);
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	live_close(&live);
}

static int make_room(struct rig *rig, const char *callback)
{
	if (strcmp(callback, "store_full") != 0)
		return 0;
	memory_disk_heal(&live.disk);
	return 0;
}

/* The engine's own: store_full may make room, and the layer is written again */
static void an_engine_that_is_full(void **state)
{
	struct test_rng rng = test_rng_start("errors_live_full engine");

	live_open(&live, "live-full", 8 * MIB, 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, &rng, 300);
	live.rig.hook = make_room;
	live_create(&live);
	live_checkpoint(&live, NULL);
	for (uint64_t call = 1; call < 7; call++) {
		rig_write_random(&live.rig, &rng, 30);
		memory_disk_heal(&live.disk);
		live.disk.fail = (struct memory_disk_when){call, -ENOSPC};
		live_checkpoint(&live, NULL);
		assert_int_equal(live.rig.nfull, call);
	}
	live_close(&live);
}

TEST_MAIN(a_device_that_is_too_small, a_device_with_gaps,
	  an_engine_that_is_full)
