/* SPDX-License-Identifier: MIT */
/*
 * A block device that shows what a layer's virtual disk shows is read as that
 * layer: by all calls, also beside the layer itself.
 */
#include <errno.h>

#include "folder.h"
#include "memory_disk.h"
#include "restore_rig.h"

static struct moments memory;

static struct smudge_chain *open_chain(const struct memory_disk *disk)
{
	struct smudge_chain *chain;
	struct smudge_error err;

	if (smudge_chain_open_disk(&disk->disk, &chain, &err) < 0)
		fail_msg("%s", err.message);
	return chain;
}

static void check_info(struct smudge_chain *chain,
		       const struct memory_disk *disk)
{
	struct smudge_layer_info info = {.size = sizeof(info)};

	assert_int_equal(smudge_chain_nlayers(chain), 1);
	assert_int_equal(smudge_chain_layer(chain, 0, &info, NULL), 0);
	assert_int_equal(smudge_chain_layer(chain, 1, &info, NULL), -EINVAL);
	assert_string_equal(info.file_name, "disk");
	assert_int_equal(info.number, 0);
	assert_true(info.is_full);
	assert_int_equal(info.file_bytes, disk->disk.size_bytes);
	assert_int_equal(info.time_ns, memory.number);
}

static void check_blob(struct smudge_chain *chain)
{
	const uint8_t *bytes;
	size_t length;

	assert_int_equal(smudge_chain_blob(chain, "devices", 0,
					   (const void **)&bytes, &length,
					   NULL),
			 0);
	assert_int_equal(length, 100 + (memory.number - 1) % 100);
	assert_int_equal(bytes[0], memory.number);
}

static int differs(void *opaque, const struct smudge_difference *difference)
{
	fail_msg("region %s differs", difference->region_name);
	return 1;
}

static void check_restore(struct smudge_chain *chain, struct test_rng *rng)
{
	const struct smudge_restore_options options = {.size = sizeof(options)};
	enum restore_kind kind =
		test_rng_below(rng, 2) ? RESTORE_PRIVATE : RESTORE_SHARED;
	struct restore_rig rig;
	struct smudge_error err;

	restore_open(&rig, &memory.now, kind, 0xee);
	if (smudge_restore(rig.memory, chain, &options, &err) < 0)
		fail_msg("%s", err.message);
	restore_check(&rig, &memory.now);
	restore_close(&rig);
}

static bool has_regions(void)
{
	for (size_t i = 0; i < MOMENTS_REGIONS; i++)
		if (memory.now.regions[i].npages)
			return true;
	return false;
}

static void moments_come_back(void **state)
{
	struct test_rng rng = test_rng_start("live_read");

	moments_open(&memory, "chain");
	for (unsigned int i = 0; i < test_rounds(10); i++) {
		struct smudge_chain *chain, *layer;
		struct memory_disk disk;

		moments_change(&memory, &rng, i % 3 == 2);
		moments_save(&memory, false);
		memory_disk_of_layer(&disk, memory.folder_fd, memory.number);
		chain = open_chain(&disk);
		moment_check(&memory.now, chain);
		check_info(chain, &disk);
		check_blob(chain);
		layer = moments_chain("chain", memory.number);
		assert_int_equal(
			smudge_chain_diff(layer, chain, differs, NULL, NULL),
			0);
		if (has_regions())
			check_restore(chain, &rng);
		smudge_chain_close(layer);
		smudge_chain_close(chain);
		memory_disk_close(&disk);
	}
	moments_close(&memory);
}

/* A device may be a part of a page longer: what counts is whole pages. */
static void a_device_of_odd_length(void **state)
{
	struct test_rng rng = test_rng_start("live_read odd");
	struct memory_disk disk;
	struct smudge_chain *chain;

	moments_open(&memory, "chain");
	moments_change(&memory, &rng, false);
	moments_save(&memory, false);
	memory_disk_of_layer(&disk, memory.folder_fd, memory.number);
	disk.disk.size_bytes += 512;
	chain = open_chain(&disk);
	moment_check(&memory.now, chain);
	smudge_chain_close(chain);
	disk.disk.size_bytes -= 512;
	memory_disk_close(&disk);
	moments_close(&memory);
}

TEST_MAIN_WITH(folder_enter, folder_leave, moments_come_back,
	       a_device_of_odd_length)
