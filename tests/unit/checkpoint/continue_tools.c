/* SPDX-License-Identifier: MIT */
/*
 * A chain that qemu-img has handled is continued: by a new checkpointer on its
 * newest layer, and by one that runs meanwhile.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "rig.h"

enum {
	LOW = 900,
	HIGH = 1300
};

/* In the folder, for layers @number and @number - 1. */
struct names {
	char folder[64], newest[128], parent[128];
	char parent_name[40];
};

static struct names names_of(const struct rig *rig, uint64_t number)
{
	struct names names;

	snprintf(names.folder, sizeof(names.folder), "%s", rig->folder);
	snprintf(names.newest, sizeof(names.newest), "%s/layer-%08d.qcow2",
		 rig->folder, (int)number);
	snprintf(names.parent_name, sizeof(names.parent_name),
		 "layer-%08d.qcow2", (int)number - 1);
	snprintf(names.parent, sizeof(names.parent), "%s/%s", rig->folder,
		 names.parent_name);
	return names;
}

static void open_rig(struct rig *rig, struct test_rng *rng, const char *name)
{
	rig_open(rig, name);
	rig_add(rig, "ram", 0, LOW, LOW);
	rig_add(rig, "high", 1 << 30, HIGH, HIGH);
	rig_write_random(rig, rng, 2000);
	rig_create(rig);
	for (int i = 0; i < 3; i++) {
		rig_checkpoint(rig, NULL);
		rig_write_random(rig, rng, 60);
	}
	rig_checkpoint(rig, NULL);
}

static void expect_delta(struct rig *rig, struct test_rng *rng, uint64_t number)
{
	struct smudge_layer_info info;

	rig_write_random(rig, rng, 60);
	/* random ones may all be of regions that are not there */
	rig_write(rig, &rig->regions[0], number, (uint32_t)number);
	rig_checkpoint(rig, &info);
	assert_false(info.is_full);
	assert_int_equal(info.number, number);
	assert_true(info.pages > 0 && info.pages < LOW);
}

/* A new checkpointer, clean as of the newest layer. */
static void restart(struct rig *rig)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = rig->folder};
	struct smudge_chain *chain = NULL;
	struct smudge_error err;

	if (smudge_chain_open(&options, &chain, &err))
		fail_msg("%s", err.message);
	rig->options.clean_as_of = chain;
	rig_create(rig);
	rig->options.clean_as_of = NULL;
	smudge_chain_close(chain);
}

static void convert(const struct names *names, const char *options)
{
	char new_name[128];

	snprintf(new_name, sizeof(new_name), "%s/new", names->folder);
	assert_int_equal(QEMU_IMG("convert", "-c", "-O", "qcow2", "-o", options,
				  names->newest, new_name),
			 0);
	assert_int_equal(rename(new_name, names->newest), 0);
}

static void a_new_checkpointer(void **state)
{
	struct test_rng rng = test_rng_start("new");
	struct names names;
	struct rig rig;

	qemu_img_need();
	open_rig(&rig, &rng, "new");
	rig_destroy(&rig);
	names = names_of(&rig, 4);
	convert(&names, "compression_type=zstd");
	restart(&rig);
	expect_delta(&rig, &rng, 5);
	expect_delta(&rig, &rng, 6);
	rig_destroy(&rig);

	/* Layer 4 has no child but 6 then. */
	names = names_of(&rig, 6);
	assert_int_equal(QEMU_IMG("rebase", "-f", "qcow2", "-F", "qcow2", "-b",
				  "layer-00000004.qcow2", names.newest),
			 0);
	restart(&rig);
	expect_delta(&rig, &rng, 7);
	rig_destroy(&rig);

	/* Layer 7 is in 6 then. */
	names = names_of(&rig, 7);
	assert_int_equal(
		QEMU_IMG("commit", "-q", "-d", "-f", "qcow2", names.newest), 0);
	assert_int_equal(unlink(names.newest), 0);
	restart(&rig);
	expect_delta(&rig, &rng, 7);
	rig_close(&rig);
}

static void a_running_checkpointer(void **state)
{
	struct test_rng rng = test_rng_start("running");
	struct smudge_layer_info info;
	struct names names;
	struct rig rig;

	qemu_img_need();
	open_rig(&rig, &rng, "running");
	names = names_of(&rig, 4);
	convert(&names, "compression_type=zstd,cluster_size=64K");
	expect_delta(&rig, &rng, 5);

	/* It is empty then, and shows its parent's file. */
	names = names_of(&rig, 5);
	assert_int_equal(QEMU_IMG("commit", "-q", "-f", "qcow2", names.newest),
			 0);
	expect_delta(&rig, &rng, 6);
	expect_delta(&rig, &rng, 7);

	/* Its file is gone then: the next one is full. */
	names = names_of(&rig, 7);
	assert_int_equal(
		QEMU_IMG("commit", "-q", "-d", "-f", "qcow2", names.newest), 0);
	assert_int_equal(unlink(names.newest), 0);
	rig_write_random(&rig, &rng, 10);
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	expect_delta(&rig, &rng, info.number + 1);
	rig_close(&rig);
}

TEST_MAIN(a_new_checkpointer, a_running_checkpointer)
