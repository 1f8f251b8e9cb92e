/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer that continues a device: after a restore of what it shows, or
 * of a snapshot of that moment, the first save is a delta. A device that shows
 * another moment, or none, is not continued.
 */
#include <errno.h>
#include <string.h>

#include "live_rig.h"

#define MIB (UINT64_C(1) << 20)

static struct live live;

static void open_machine(struct test_rng *rng)
{
	live_open(&live, "live-continue", 16 * MIB, test_rng_next(rng) | 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_add(&live.rig, "high", 1 << 30, 900, 900);
	rig_write_random(&live.rig, rng, 900);
	live_create(&live);
	live_checkpoint(&live, NULL);
}

static struct smudge_chain *open_chain(const struct memory_disk *disk)
{
	struct smudge_chain *chain;
	struct smudge_error err;

	if (smudge_chain_open_disk(&disk->disk, &chain, &err) < 0)
		fail_msg("%s", err.message);
	return chain;
}

/* The memory is what @chain has; then it is saved onto the device. */
static int continue_chain(struct smudge_chain *chain, struct smudge_error *err)
{
	int ret;

	live.rig.options.clean_as_of = chain;
	live.rig.options.quiesce = live.rig.options.resume = NULL;
	live.rig.options.save_state = NULL;
	live.rig.options.store_full = NULL;
	ret = smudge_checkpointer_create(live.rig.memory, &live.rig.options,
					 &live.rig.cp, err);
	if (!ret) {
		assert_int_equal(smudge_checkpointer_destroy(live.rig.cp), 0);
		live.rig.cp = NULL;
		live_create(&live);
	}
	live.rig.options.clean_as_of = NULL;
	return ret;
}

/* It is restored first. */
static int restart_from(const struct memory_disk *disk,
			struct smudge_error *err)
{
	struct smudge_chain *chain = open_chain(disk);
	int ret;

	if (smudge_restore(live.rig.memory, chain, NULL, err) < 0)
		fail_msg("%s", err->message);
	ret = continue_chain(chain, err);
	smudge_chain_close(chain);
	return ret;
}

static void expect_deltas(struct test_rng *rng)
{
	struct smudge_layer_info info;

	live_checkpoint(&live, &info);
	assert_false(info.is_full);
	assert_int_equal(info.pages, 0);
	for (unsigned int i = 0; i < 3; i++) {
		rig_write_random(&live.rig, rng, 30);
		/* random ones may all be of regions that are not there */
		rig_write(&live.rig, &live.rig.regions[0], i, i + 1);
		live_checkpoint(&live, &info);
		assert_false(info.is_full);
		assert_true(info.pages > 0 && info.pages < 800);
	}
}

static void the_device_is_continued(void **state)
{
	struct test_rng rng = test_rng_start("live_continue");
	struct smudge_error err;

	open_machine(&rng);
	for (unsigned int i = 0; i < test_rounds(3); i++) {
		rig_destroy(&live.rig);
		/* What was written since is undone. */
		rig_write_random(&live.rig, &rng, 100);
		live.rig.options.last_number = 10 * i;
		assert_int_equal(restart_from(&live.disk, &err), 0);
		expect_deltas(&rng);
		assert_int_equal(live.last.number, 10 * i + 4);
	}
	live_close(&live);
}

/* It has what the device has, and the live image is not read for it. */
static void a_snapshot_is_restored(void **state)
{
	struct test_rng rng = test_rng_start("live_continue snapshot");
	struct memory_disk snapshot;
	struct smudge_error err;

	open_machine(&rng);
	memory_disk_snapshot(&live.disk, &snapshot);
	rig_destroy(&live.rig);
	assert_int_equal(restart_from(&snapshot, &err), 0);
	memory_disk_close(&snapshot);
	expect_deltas(&rng);
	live_close(&live);
}

static void expect_stale(const struct memory_disk *disk)
{
	struct smudge_error err;

	assert_int_equal(restart_from(disk, &err), -ESTALE);
	assert_int_not_equal(err.message[0], 0);
}

static void another_moment(void **state)
{
	struct test_rng rng = test_rng_start("live_continue stale");
	struct smudge_layer_info info;
	struct memory_disk snapshot;

	open_machine(&rng);
	memory_disk_snapshot(&live.disk, &snapshot);
	rig_write_random(&live.rig, &rng, 10);
	live_checkpoint(&live, NULL);
	rig_destroy(&live.rig);
	expect_stale(&snapshot);
	/* The device is torn. */
	memset(live.disk.bytes + live.disk.disk.size_bytes - 4096, 0, 4096);
	expect_stale(&snapshot);
	/* Longer than the snapshot is. */
	live.disk.disk.size_bytes -= 4096;
	expect_stale(&snapshot);
	live.disk.disk.size_bytes += 4096;
	live_create(&live);
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	memory_disk_close(&snapshot);
	live_close(&live);
}

/* As another program's save that was cut off after its first pages. */
static void tear_by_another(struct test_rng *rng)
{
	uint8_t *end = live.disk.bytes + live.disk.disk.size_bytes;

	memset(end - 4096, 0, 4096);
	for (unsigned int i = 0; i < 16; i++)
		end[16 - 4096 + (int)i] = (uint8_t)(test_rng_next(rng) | 1);
	memset(live.disk.bytes, 0xa5, 2 * 4096);
}

/* The same after the restore: the device itself was its chain. */
static void torn_after_the_restore(void **state)
{
	struct test_rng rng = test_rng_start("live_continue torn after");

	for (int i = 0; i < 3; i++) {
		struct smudge_chain *chain;
		struct smudge_layer_info info;
		struct memory_disk other;
		struct smudge_error err;

		open_machine(&rng);
		memory_disk_snapshot(&live.disk, &other);
		rig_write_random(&live.rig, &rng, 10);
		live_checkpoint(&live, NULL);
		rig_destroy(&live.rig);
		chain = open_chain(&live.disk);
		if (smudge_restore(live.rig.memory, chain, NULL, &err) < 0)
			fail_msg("%s", err.message);
		if (i == 0)
			tear_by_another(&rng);
		else if (i == 1)
			memset(live.disk.bytes, 0, other.disk.size_bytes);
		else
			memcpy(live.disk.bytes, other.bytes,
			       other.disk.size_bytes);
		assert_int_equal(continue_chain(chain, &err), -ESTALE);
		assert_non_null(strstr(err.message, "another moment"));
		smudge_chain_close(chain);
		live_create(&live);
		live_checkpoint(&live, &info);
		assert_true(info.is_full);
		memory_disk_close(&other);
		live_close(&live);
	}
}

/* Another program writes the device: found out, and all is written anew. */
static void another_writer(void **state)
{
	struct test_rng rng = test_rng_start("live_continue writer");
	struct smudge_layer_info info;
	struct smudge_error err;

	open_machine(&rng);
	live.disk.bytes[live.disk.disk.size_bytes - 4000] ^= 1;
	rig_write_random(&live.rig, &rng, 10);
	assert_int_equal(live_try(&live, &err), -ENOENT);
	assert_non_null(strstr(err.message, "another program"));
	live_checkpoint(&live, &info);
	assert_true(info.is_full);
	live_close(&live);
}

/* The same while it is torn: it is put back to a moment of before, or emptied.
 */
static void another_writer_of_a_torn_one(void **state)
{
	struct test_rng rng = test_rng_start("live_continue torn");

	for (int i = 0; i < 2; i++) {
		uint64_t bytes;
		struct smudge_layer_info info;
		struct memory_disk before;
		struct smudge_error err;

		open_machine(&rng);
		memory_disk_snapshot(&live.disk, &before);
		rig_write_random(&live.rig, &rng, 30);
		live_checkpoint(&live, NULL);
		live.disk.fail = (struct memory_disk_when){4, -EIO};
		live.disk.ncalls = 0;
		rig_write_random(&live.rig, &rng, 10);
		assert_int_equal(live_try(&live, &err), -EIO);
		memory_disk_heal(&live.disk);
		bytes = live.disk.disk.size_bytes;
		if (i == 0)
			memcpy(live.disk.bytes, before.bytes, bytes);
		else
			memset(live.disk.bytes, 0, bytes);
		assert_int_equal(live_try(&live, &err), -ENOENT);
		assert_non_null(strstr(err.message, "another program"));
		live_checkpoint(&live, &info);
		assert_true(info.is_full);
		memory_disk_close(&before);
		live_close(&live);
	}
}

TEST_MAIN(the_device_is_continued, a_snapshot_is_restored, another_moment,
	  torn_after_the_restore, another_writer, another_writer_of_a_torn_one)
