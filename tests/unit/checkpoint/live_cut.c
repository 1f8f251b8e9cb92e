/* SPDX-License-Identifier: MIT */
/*
 * The power is cut at any call, and the device's cache is lost, or parts of it;
 * also on a device whose flush does nothing. What it shows afterwards is a
 * moment as it was, or is found to be none: never anything else. The last
 * snapshot is the last moment that was saved.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;

static void open_machine(struct test_rng *rng, bool lies)
{
	live_open(&live, "live-cut", 4 * MIB, test_rng_next(rng) | 1);
	live.disk.lies = lies;
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_write_random(&live.rig, rng, 300);
	live_create(&live);
}

/* Nothing is written from that call on. */
static void save_until(uint64_t call, struct rig_moment *ret_moment)
{
	struct smudge_error err;

	live.disk.ncalls = 0;
	live.disk.fail = (struct memory_disk_when){call, -ENODEV};
	(void)live_try(&live, &err);
	*ret_moment = rig_take_moment(&live.rig);
}

static void cut_once(struct test_rng *rng, unsigned int *nwhole)
{
	struct rig_moment before, after;
	struct memory_disk snapshot;
	uint64_t ticket;
	int ret;

	rig_write_random(&live.rig, rng, 40);
	ticket = rig_save(&live.rig);
	before = rig_take_moment(&live.rig);
	live_check(&live, ticket, &before, NULL);
	memory_disk_snapshot(&live.disk, &snapshot);
	rig_write_random(&live.rig, rng, 1 + test_rng_below(rng, 40));
	save_until(1 + test_rng_below(rng, 16), &after);
	memory_disk_cut(&live.disk, rng);
	ret = live_look(&live.disk, &before, &after);
	/* A flush that is no lie leaves no wrong page under a footer. */
	if (ret && ret != -ENODATA && !(live.disk.lies && ret == -EBADMSG))
		fail_msg("the image has %d", ret);
	*nwhole += !ret;
	live_compare(&snapshot, &before);
	memory_disk_close(&snapshot);
	rig_free_moment(&before);
	rig_free_moment(&after);
}

static void cut_often(const char *name, bool lies)
{
	struct test_rng rng = test_rng_start(name);
	unsigned int nwhole = 0, nrounds = test_rounds(20);

	for (unsigned int i = 0; i < nrounds; i++) {
		open_machine(&rng, lies);
		cut_once(&rng, &nwhole);
		/* The next one begins with what is left: it is full. */
		rig_destroy(&live.rig);
		memory_disk_heal(&live.disk);
		live_create(&live);
		live_checkpoint(&live, NULL);
		live_close(&live);
	}
	print_message("# %u of %u images were whole\n", nwhole, nrounds);
}

static void a_cut(void **state)
{
	cut_often("live_cut", false);
}

static void a_cut_of_a_device_that_lies(void **state)
{
	cut_often("live_cut lies", true);
}

TEST_MAIN(a_cut, a_cut_of_a_device_that_lies)
