/* SPDX-License-Identifier: MIT */
/*
 * A device that fails at any of its calls: the save fails with what it said,
 * the machine runs, and the next save has everything. What the device shows in
 * between is named torn, or is a moment as it was.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;

static void open_machine(struct test_rng *rng)
{
	live_open(&live, "live-fails", 9 * MIB, test_rng_next(rng) | 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_add(&live.rig, "dimm", 1 << 30, 300, 900);
	rig_write_random(&live.rig, rng, 300);
	live_create(&live);
}

/* How many calls a save makes, with something dirty. */
static uint64_t count_calls(struct test_rng *rng)
{
	rig_write_random(&live.rig, rng, 30);
	memory_disk_heal(&live.disk);
	live_checkpoint(&live, NULL);
	return live.disk.ncalls;
}

static void fail_at(uint64_t call, int code, bool is_second,
		    struct test_rng *rng)
{
	struct smudge_error err;
	int ret;

	memory_disk_heal(&live.disk);
	live.disk.fail = (struct memory_disk_when){call, code};
	rig_write_random(&live.rig, rng, 1 + test_rng_below(rng, 60));
	ret = live_try(&live, &err);
	/* It may have had fewer calls this time. */
	if (ret && ret != code)
		fail_msg("call %ju: %d %s", (uintmax_t)call, ret, err.message);
	/* Torn, unless it never was begun, or only the last flush failed. */
	if (ret && !is_second) {
		ret = live_look(&live.disk, &live.rig.last, &live.saved);
		if (ret && ret != -ENODATA)
			fail_msg("call %ju: the image has %d", (uintmax_t)call,
				 ret);
	}
}

static void change_regions(struct test_rng *rng)
{
	struct rig_region *dimm = &live.rig.regions[1];

	if (test_rng_below(rng, 3) == 0)
		rig_resize(&live.rig, dimm, 1 + test_rng_below(rng, 900));
}

static void every_call(void **state)
{
	static const int codes[] = {-EIO, -ENOTCONN, -EROFS};
	struct test_rng rng = test_rng_start("live_fails");
	uint64_t ncalls;

	open_machine(&rng);
	live_checkpoint(&live, NULL);
	ncalls = count_calls(&rng);
	for (unsigned int i = 0; i < test_rounds(40); i++) {
		fail_at(1 + test_rng_below(&rng, ncalls + 2), codes[i % 3],
			false, &rng);
		change_regions(&rng);
		/* Another one, sometimes, before all is well. */
		if (i % 4 == 0)
			fail_at(1 + test_rng_below(&rng, 4), -EIO, true, &rng);
		memory_disk_heal(&live.disk);
		rig_write_random(&live.rig, &rng, test_rng_below(&rng, 20));
		live_checkpoint(&live, NULL);
	}
	live_close(&live);
}

/* The pages of the failed one come back as they were before it. */
static void a_page_that_changes_back(void **state)
{
	struct test_rng rng = test_rng_start("live_fails back");
	struct smudge_layer_info info;
	struct smudge_error err;

	open_machine(&rng);
	rig_write(&live.rig, &live.rig.regions[0], 5, 77);
	live_checkpoint(&live, NULL);
	rig_write(&live.rig, &live.rig.regions[0], 5, 78);
	memory_disk_heal(&live.disk);
	/* The last flush: its pages and tables are on the device. */
	live.disk.fail = (struct memory_disk_when){6, -EIO};
	assert_int_equal(live_try(&live, &err), -EIO);
	memory_disk_heal(&live.disk);
	rig_write(&live.rig, &live.rig.regions[0], 5, 77);
	live_checkpoint(&live, &info);
	assert_false(info.is_full);
	live_close(&live);
}

/* A first save that fails: the next one is full as well. */
static void a_full_save_that_fails(void **state)
{
	const struct smudge_save_options full = {.size = sizeof(full),
						 .is_full = true};
	struct test_rng rng = test_rng_start("live_fails full");
	struct smudge_layer_info info;
	struct smudge_error err;
	uint64_t ticket;

	open_machine(&rng);
	live.disk.fail = (struct memory_disk_when){5, -EIO};
	assert_int_equal(live_try(&live, &err), -EIO);
	memory_disk_heal(&live.disk);
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	live.disk.fail = (struct memory_disk_when){5, -EIO};
	live.disk.ncalls = 0;
	assert_int_equal(
		smudge_checkpointer_save(live.rig.cp, &full, &ticket, &err), 0);
	assert_int_equal(
		smudge_checkpointer_wait(live.rig.cp, ticket, NULL, &err),
		-EIO);
	memory_disk_heal(&live.disk);
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	live_close(&live);
}

/* Saves that stand on one that fails have their pages in the next one. */
static void saves_in_flight(void **state)
{
	struct test_rng rng = test_rng_start("live_fails flight");

	open_machine(&rng);
	live_checkpoint(&live, NULL);
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		uint64_t tickets[3];
		unsigned int n = 0;

		memory_disk_heal(&live.disk);
		live.disk.fail = (struct memory_disk_when){
			1 + test_rng_below(&rng, 12), -EIO};
		while (n < 3) {
			struct smudge_error err;

			rig_write_random(&live.rig, &rng, 20);
			if (smudge_checkpointer_save(live.rig.cp, NULL,
						     &tickets[n], &err) < 0) {
				assert_int_equal(err.code, -EAGAIN);
				break;
			}
			n++;
		}
		while (n--)
			(void)!smudge_checkpointer_wait(live.rig.cp, tickets[n],
							NULL, NULL);
		memory_disk_heal(&live.disk);
		assert_true(live_try(&live,
				     &(struct smudge_error){.code = 0}) == 0);
		rig_write_random(&live.rig, &rng, 5);
		live_checkpoint(&live, NULL);
	}
	live_close(&live);
}

TEST_MAIN(every_call, a_page_that_changes_back, a_full_save_that_fails,
	  saves_in_flight)
