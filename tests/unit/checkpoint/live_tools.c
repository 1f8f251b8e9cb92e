/* SPDX-License-Identifier: MIT */
/*
 * What qemu-img makes of a live image: a layer of its own in a folder, with the
 * same moment. And a layer that it writes to a raw device is read from there.
 */
#include <stdio.h>
#include <string.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "live_rig.h"

#define MIB   (UINT64_C(1) << 20)
#define FIRST "layer-00000001.qcow2"

static struct live live;

static struct smudge_chain *open_folder(void)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = "."};
	struct smudge_chain *chain;
	struct smudge_error err;

	if (smudge_chain_open(&options, &chain, &err) < 0)
		fail_msg("%s", err.message);
	return chain;
}

static int differs(void *opaque, const struct smudge_difference *difference)
{
	fail_msg("region %s differs", difference->region_name);
	return 1;
}

/* The layer in the folder is the one that the device shows. */
static void compare_with_folder(const struct memory_disk *disk)
{
	struct smudge_layer_info on_disk = {.size = sizeof(on_disk)};
	struct smudge_layer_info in_folder = {.size = sizeof(in_folder)};
	struct smudge_chain *folder = open_folder(), *chain = NULL;
	struct smudge_error err;

	if (smudge_chain_verify(folder, NULL, NULL, &err) < 0 ||
	    smudge_chain_open_disk(&disk->disk, &chain, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(smudge_chain_layer(folder, 0, &in_folder, NULL), 0);
	assert_int_equal(smudge_chain_layer(chain, 0, &on_disk, NULL), 0);
	assert_memory_equal(&in_folder.digest, &on_disk.digest, 16);
	assert_int_equal(in_folder.time_ns, on_disk.time_ns);
	assert_int_equal(smudge_chain_diff(chain, folder, differs, NULL, NULL),
			 0);
	smudge_chain_close(chain);
	smudge_chain_close(folder);
}

static void open_machine(struct test_rng *rng)
{
	qemu_img_need();
	live_open(&live, "live-tools", 8 * MIB, test_rng_next(rng) | 1);
	rig_add(&live.rig, "ram", 0, 700, 700);
	rig_add(&live.rig, "high", 1 << 30, 300, 300);
	rig_write_random(&live.rig, rng, 500);
	live_create(&live);
}

/* Whatever the device had before, and regions that came and went. */
static void a_snapshot_becomes_a_layer(void **state)
{
	struct test_rng rng = test_rng_start("live_tools");

	open_machine(&rng);
	for (unsigned int i = 0; i < 3; i++) {
		rig_write_random(&live.rig, &rng, 50);
		live_checkpoint(&live, NULL);
		scratch_raw("disk", live.disk.bytes,
			    live.disk.disk.size_bytes / 4096);
		assert_int_equal(QEMU_IMG("convert", "-f", "raw", "-O", "qcow2",
					  "disk", FIRST),
				 0);
		compare_with_folder(&live.disk);
		if (i == 0)
			rig_remove(&live.rig, &live.rig.regions[1]);
		if (i == 1)
			rig_add(&live.rig, "more", 1 << 30, 350, 350);
	}
	live_close(&live);
}

static void a_layer_becomes_a_device(void **state)
{
	struct test_rng rng = test_rng_start("live_tools device");
	struct memory_disk disk;
	FILE *file;

	open_machine(&rng);
	live_checkpoint(&live, NULL);
	scratch_raw("disk", live.disk.bytes, live.disk.disk.size_bytes / 4096);
	assert_int_equal(QEMU_IMG("convert", "-f", "raw", "-O", "qcow2", "-c",
				  "disk", FIRST),
			 0);
	assert_int_equal(
		QEMU_IMG("convert", "-f", "qcow2", "-O", "raw", FIRST, "back"),
		0);
	memory_disk_open(&disk, live.disk.disk.size_bytes, 0);
	file = fopen("back", "re");
	assert_non_null(file);
	assert_int_equal(fread(disk.bytes, 1, disk.disk.size_bytes, file),
			 disk.disk.size_bytes);
	assert_int_equal(fclose(file), 0);
	live_compare(&disk, &live.saved);
	memory_disk_close(&disk);
	live_close(&live);
}

TEST_MAIN_WITH(scratch_enter, scratch_leave, a_snapshot_becomes_a_layer,
	       a_layer_becomes_a_device)
