/* SPDX-License-Identifier: MIT */
/*
 * Pruning beside qemu-img: it finds no error in merged layers and reads what
 * the library reads; and layers that it converted, moved or stands on are
 * merged, or kept, without a loss.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../qcow2/qemu_img.h"
#include "prune_rig.h"

#define NLAYERS 8
#define NINTH	"layer-00000009.qcow2"

static struct prune_rig rig;
static const char *const files[NLAYERS + 1] = {
	NULL,
	"layer-00000001.qcow2",
	"layer-00000002.qcow2",
	"layer-00000003.qcow2",
	"layer-00000004.qcow2",
	"layer-00000005.qcow2",
	"layer-00000006.qcow2",
	"layer-00000007.qcow2",
	"layer-00000008.qcow2",
};

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("prune_tools");

	if (scratch_enter(state))
		return -1;
	prune_rig_open(&rig, ".");
	for (int i = 0; i < NLAYERS; i++)
		prune_rig_save(&rig, &rng, i % 3 == 2, false);
	return 0;
}

static int tear_down(void **state)
{
	prune_rig_close(&rig);
	return scratch_leave(state);
}

static void prune(uint64_t keep_last, uint64_t keep_hourly,
		  struct smudge_prune_result *result)
{
	const struct smudge_prune_options options = {
		.size = sizeof(options),
		.merge_all = true,
		.keep_last = keep_last,
		.keep_hourly = keep_hourly,
	};
	struct smudge_error err;

	if (prune_rig_prune(&rig, &options, result, &err))
		fail_msg("%s", err.message);
	prune_rig_check(&rig);
}

/* As QEMU reads it: converted by it, the layer is still its moment. */
static void check_as_read_by_qemu(uint64_t number)
{
	struct smudge_chain *chain;

	assert_int_equal(
		QEMU_IMG("convert", "-O", "qcow2", files[number], NINTH), 0);
	chain = moments_chain(".", 9);
	moment_check(&rig.kept[number], chain);
	smudge_chain_close(chain);
	assert_int_equal(unlink(NINTH), 0);
}

static void it_reads_merged_layers(void **state)
{
	struct smudge_prune_result result;
	uint64_t numbers[PRUNE_RIG_MAX];
	size_t n;

	qemu_img_need();
	prune(1, 3, &result);
	assert_true(result.merged > 0);
	n = prune_rig_numbers(".", numbers);
	for (size_t i = 0; i < n; i++) {
		assert_qemu_checks(files[numbers[i]]);
		check_as_read_by_qemu(numbers[i]);
	}
}

/* Of other clusters than ours, and without our extension. */
static void converted_layers_are_merged(void **state)
{
	struct smudge_prune_result result;

	qemu_img_need();
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-B", files[2],
				  "-F", "qcow2", files[3], "new"),
			 0);
	assert_int_equal(rename("new", files[3]), 0);
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-c", "-o",
				  "compression_type=zstd,cluster_size=16k",
				  "-B", files[4], "-F", "qcow2", files[5],
				  "new"),
			 0);
	assert_int_equal(rename("new", files[5]), 0);
	prune_rig_check(&rig);
	prune(2, 0, &result);
	assert_int_equal(result.merged, 6);
	assert_qemu_checks(files[7]);
	check_as_read_by_qemu(8);
}

/*
 * Layer 6 stands on layer 3 then, and relies on all that layer 3's disk shows,
 * also where no region is.
 */
static void moved_layers_stay_right(void **state)
{
	struct smudge_prune_result result;

	qemu_img_need();
	assert_int_equal(QEMU_IMG("rebase", "-f", "qcow2", "-F", "qcow2", "-b",
				  files[3], files[6]),
			 0);
	prune_rig_check(&rig);
	prune(1, 8, &result);
	/* 3 is shared now: 5 and 6 stand on it. */
	prune(1, 2, &result);
	prune_rig_check(&rig);
	prune(1, 0, &result);
	assert_int_equal(prune_rig_numbers(".", (uint64_t[PRUNE_RIG_MAX]){0}),
			 1);
}

/* By the names of layers it would be unwanted. */
static void what_an_overlay_stands_on_is_kept(void **state)
{
	struct smudge_prune_result result;
	uint64_t numbers[PRUNE_RIG_MAX];

	qemu_img_need();
	assert_int_equal(QEMU_IMG("create", "-q", "-f", "qcow2", "-b", files[4],
				  "-F", "qcow2", "overlay.qcow2"),
			 0);
	prune(1, 0, &result);
	assert_int_equal(prune_rig_numbers(".", numbers), 2);
	assert_int_equal(numbers[0], 4);
	assert_int_equal(numbers[1], 8);
	assert_int_equal(result.in_use, 1);
	assert_qemu_checks(files[4]);
	assert_int_equal(unlink("overlay.qcow2"), 0);
	prune(1, 0, &result);
	assert_int_equal(prune_rig_numbers(".", numbers), 1);
}

/* A layer that has it under another name below: left as it is. */
static void on_another_name_nothing_is_merged(void **state)
{
	struct smudge_prune_result result;
	uint64_t numbers[PRUNE_RIG_MAX];

	qemu_img_need();
	assert_int_equal(rename(files[2], "base.qcow2"), 0);
	assert_int_equal(QEMU_IMG("rebase", "-u", "-f", "qcow2", "-F", "qcow2",
				  "-b", "base.qcow2", files[3]),
			 0);
	prune(1, 0, &result);
	assert_int_equal(prune_rig_numbers(".", numbers), 3);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[1], 3);
	assert_int_equal(numbers[2], 8);
	assert_int_equal(access("base.qcow2", F_OK), 0);
}

TEST_MAIN_WITH(set_up, tear_down, it_reads_merged_layers,
	       converted_layers_are_merged, moved_layers_stay_right,
	       what_an_overlay_stands_on_is_kept,
	       on_another_name_nothing_is_merged)
