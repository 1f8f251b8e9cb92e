/* SPDX-License-Identifier: MIT */
/*
 * What qemu-img makes of layers: it finds no error in them, reads the same as
 * the library, and what it converts, merges and moves is read again or refused
 * by name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "moments.h"

#define NLAYERS 5
#define NINTH	"layer-00000009.qcow2"

static struct moments memory;
static struct moment kept[NLAYERS];
static const char *const files[NLAYERS] = {
	"layer-00000001.qcow2", "layer-00000002.qcow2", "layer-00000003.qcow2",
	"layer-00000004.qcow2", "layer-00000005.qcow2"};

/* More than the next random change can write again. */
static void change_much(struct moment_region *region)
{
	for (uint64_t i = 0; i < 200; i++)
		memset(region->bytes + (i << 12), 'm', 4096);
}

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("tools");

	if (scratch_enter(state))
		return -1;
	moments_open(&memory, ".");
	for (int i = 0; i < NLAYERS; i++) {
		moments_change(&memory, &rng, i == 3);
		/* so that layer 3 is wrong on layer 1, whatever the seed */
		if (i == 1)
			change_much(&memory.now.regions[0]);
		moments_save(&memory, false);
		moment_copy(&kept[i], &memory.now);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < NLAYERS; i++)
		moment_clear(&kept[i]);
	moments_close(&memory);
	return scratch_leave(state);
}

static void check(uint64_t number, const struct moment *moment, size_t nlayers)
{
	struct smudge_chain *chain = moments_chain(".", number);

	assert_int_equal(smudge_chain_nlayers(chain), nlayers);
	moment_check(moment, chain);
	smudge_chain_close(chain);
}

static void expect_stale(uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = ".", .number = number};
	struct smudge_chain *chain;
	struct smudge_error err;

	assert_int_equal(smudge_chain_open(&options, &chain, &err), -ESTALE);
	assert_non_null(strstr(err.message, "was not made on layer-0000000"));
}

static void it_finds_no_error(void **state)
{
	qemu_img_need();
	for (int i = 0; i < NLAYERS; i++)
		assert_qemu_checks(files[i]);
	assert_int_equal(QEMU_IMG("convert", "-O", "raw", files[4], "raw"), 0);
	assert_qemu_reads(files[4], "raw");
}

/* One file of a chain: clusters of 64 KiB, without our header extension. */
static void converted_layers_stand_alone(void **state)
{
	qemu_img_need();
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", files[4], NINTH),
			 0);
	check(9, &kept[4], 1);
	assert_int_equal(QEMU_IMG("convert", "-c", "-O", "qcow2", "-o",
				  "compression_type=zstd", files[3], NINTH),
			 0);
	check(9, &kept[3], 1);
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-o",
				  "cluster_size=2M,compat=0.10", files[2],
				  NINTH),
			 0);
	check(9, &kept[2], 1);
}

/* The next delta is made on what was converted. */
static void converted_layers_are_parents(void **state)
{
	struct test_rng rng = test_rng_start("tools parents");

	qemu_img_need();
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", files[4], "new"),
			 0);
	assert_int_equal(rename("new", files[4]), 0);
	moments_change(&memory, &rng, true);
	moments_save(&memory, false);
	check(6, &memory.now, 2);
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2", "-B", files[4],
				  "-F", "qcow2", "layer-00000006.qcow2", NINTH),
			 0);
	check(9, &memory.now, 2);
}

static void moved_layers_are_accepted(void **state)
{
	qemu_img_need();
	assert_int_equal(QEMU_IMG("rebase", "-f", "qcow2", "-F", "qcow2", "-b",
				  files[1], files[3]),
			 0);
	assert_int_equal(unlink(files[2]), 0);
	check(4, &kept[3], 3);
	check(5, &kept[4], 4);
	assert_int_equal(QEMU_IMG("rebase", "-f", "qcow2", "-b", "", files[3]),
			 0);
	check(4, &kept[3], 1);
	check(5, &kept[4], 2);
}

static void layers_that_only_name_another_parent_are_refused(void **state)
{
	qemu_img_need();
	assert_int_equal(QEMU_IMG("rebase", "-u", "-f", "qcow2", "-F", "qcow2",
				  "-b", files[0], files[2]),
			 0);
	expect_stale(3);
	check(2, &kept[1], 2);
}

/* Layer 3 is then in layer 2's file, and layer 4 can be put on it. */
static void merged_layers_are_the_later_ones(void **state)
{
	qemu_img_need();
	assert_int_equal(QEMU_IMG("commit", "-q", "-f", "qcow2", files[2]), 0);
	check(2, &kept[2], 2);
	assert_int_equal(QEMU_IMG("rebase", "-u", "-f", "qcow2", "-F", "qcow2",
				  "-b", files[1], files[3]),
			 0);
	assert_int_equal(unlink(files[2]), 0);
	check(5, &kept[4], 4);
	check(1, &kept[0], 1);
}

TEST_MAIN_WITH(set_up, tear_down, it_finds_no_error,
	       converted_layers_stand_alone, converted_layers_are_parents,
	       moved_layers_are_accepted,
	       layers_that_only_name_another_parent_are_refused,
	       merged_layers_are_the_later_ones)
