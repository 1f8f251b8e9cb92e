/* SPDX-License-Identifier: MIT */
/*
 * What a checkpointer refuses, what it says of its saves, full layers, blobs,
 * and a child of fork.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/tail.h"
#include "rig.h"

static void open_rig(struct rig *rig, struct test_rng *rng)
{
	rig_open(rig, "calls");
	rig_add(rig, "ram", 0, 1000, 1000);
	rig_write_random(rig, rng, 300);
}

static int create_ret(struct rig *rig, struct smudge_checkpointer **ret_cp)
{
	struct smudge_error err;
	int ret = smudge_checkpointer_create(rig->memory, &rig->options, ret_cp,
					     &err);

	assert_int_equal(err.code, ret);
	assert_int_equal(!ret, !err.message[0]);
	return ret;
}

static int nothing(void *opaque, struct smudge_error *err)
{
	return 0;
}

static void options_are_checked(void **state)
{
	struct test_rng rng = test_rng_start("options");
	struct smudge_checkpointer *cp, *other;
	struct rig rig;

	open_rig(&rig, &rng);
	assert_int_equal(create_ret(&rig, &cp), -EINVAL);
	rig.options.folder = "/tmp/no such folder/for layers";
	assert_int_equal(create_ret(&rig, &cp), -ENOENT);
	rig.options.folder = "/proc/self/status";
	assert_int_equal(create_ret(&rig, &cp), -ENOTDIR);
	rig.options.folder = rig.folder;
	rig.options.quiesce = nothing;
	assert_int_equal(create_ret(&rig, &cp), -EINVAL);
	rig.options.quiesce = NULL;
	rig.options.quiesce_harvests = true;
	assert_int_equal(create_ret(&rig, &cp), -EINVAL);
	rig.options.quiesce_harvests = false;
	rig.options.rearm_policy = 7;
	assert_int_equal(create_ret(&rig, &cp), -EINVAL);
	rig.options.rearm_policy = 0;
	rig.options.nregions = 1;
	assert_int_equal(create_ret(&rig, &cp), -EINVAL);
	rig.options.nregions = 0;
	assert_int_equal(create_ret(&rig, &cp), 0);
	assert_int_equal(create_ret(&rig, &other), -EBUSY);
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
	assert_int_equal(create_ret(&rig, &cp), 0);
	assert_int_equal(smudge_checkpointer_destroy(cp), 0);
	assert_int_equal(smudge_checkpointer_destroy(NULL), 0);
	rig_close(&rig);
}

static void a_memory_without_regions(void **state)
{
	struct rig rig;

	rig_open(&rig, "none");
	rig_create(&rig);
	assert_int_equal(smudge_checkpointer_save(rig.cp, NULL, NULL, NULL),
			 -ENOENT);
	rig_add(&rig, "ram", 0, 10, 10);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

/* Only those that were chosen, and what comes later is not. */
static void some_regions_only(void **state)
{
	struct test_rng rng = test_rng_start("some");
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct rig_region *second;
	uint64_t ticket;
	struct rig rig;

	open_rig(&rig, &rng);
	second = rig_add(&rig, "second", 1 << 30, 700, 700);
	rig.options.regions = &second->region;
	rig.options.nregions = 1;
	rig_create(&rig);
	for (int i = 0; i < 3; i++) {
		struct rig_moment moment;

		rig_write_random(&rig, &rng, 100);
		ticket = rig_save(&rig);
		moment = rig_take_moment(&rig);
		free(moment.regions[0].bytes);
		moment.regions[0] = moment.regions[1];
		moment.nregions = 1;
		rig_check(&rig, ticket, &moment, &info);
		assert_int_equal(info.memory_bytes, 700 * 4096);
		rig_free_moment(&moment);
	}
	rig_remove(&rig, second);
	assert_int_equal(smudge_checkpointer_save(rig.cp, NULL, NULL, NULL),
			 -ENOENT);
	rig_close(&rig);
}

static void full_layers(void **state)
{
	struct test_rng rng = test_rng_start("full");
	struct smudge_save_options options = {.size = sizeof(options),
					      .is_full = true};
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	struct rig rig;
	uint64_t ticket;

	open_rig(&rig, &rng);
	rig.options.full_every = 3;
	rig_create(&rig);
	for (unsigned int i = 0; i < 8; i++) {
		rig_write_random(&rig, &rng, 20);
		/* random ones may all be of regions that are not there */
		rig_write(&rig, &rig.regions[0], i, i + 1);
		rig_checkpoint(&rig, &info);
		assert_int_equal(info.is_full, i % 3 == 0);
		assert_true(info.pause_ns >= info.harvest_ns + info.copy_ns);
		assert_true(info.file_bytes > 0 && info.write_ns > 0);
		assert_int_equal(info.nblobs, 1);
	}
	assert_int_equal(
		smudge_checkpointer_save(rig.cp, &options, &ticket, NULL), 0);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, ticket, &info, NULL),
			 0);
	assert_true(info.is_full);
	assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
	assert_int_equal(stats.saves, 9);
	assert_int_equal(stats.layers, 9);
	assert_int_equal(stats.full_layers, 4);
	assert_int_equal(stats.failed_saves, 0);
	assert_int_equal(stats.waiting, 0);
	assert_true(stats.copied_pages >= 5 * 1);
	assert_true(stats.ahead_pages >= 300);
	assert_true(stats.longest_pause_ns >= stats.last_pause_ns);
	rig_close(&rig);
}

/* Options of one save hold for it alone. */
static void a_save_that_looks_ahead(void **state)
{
	struct test_rng rng = test_rng_start("ahead");
	struct smudge_save_options options = {.size = sizeof(options),
					      .look_ahead = true,
					      .uncompressed = true};
	struct smudge_checkpointer_stats stats = {.size = sizeof(stats)};
	uint64_t before, ticket;
	struct rig rig;

	open_rig(&rig, &rng);
	rig_create(&rig);
	atomic_store(&rig.seed, test_rng_next(&rng));
	rig_checkpoint(&rig, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		struct rig_moment moment;

		assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
		before = stats.ahead_pages;
		rig_write_random(&rig, &rng, 200);
		rig_start(&rig, 1);
		assert_int_equal(smudge_checkpointer_save(rig.cp, &options,
							  &ticket, NULL),
				 0);
		rig_stop(&rig);
		moment = rig_take_moment(&rig);
		rig_check(&rig, ticket, &moment, NULL);
		rig_free_moment(&moment);
		assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), 0);
		assert_true(stats.ahead_pages > before);
	}
	rig_close(&rig);
}

static void blobs(void **state)
{
	struct test_rng rng = test_rng_start("blobs");
	char long_name[65];
	struct rig rig;

	open_rig(&rig, &rng);
	rig_create(&rig);
	memset(long_name, 'x', sizeof(long_name));
	long_name[64] = 0;
	assert_int_equal(smudge_checkpoint_add_blob(rig.cp, "", "", 0, NULL),
			 -EINVAL);
	assert_int_equal(
		smudge_checkpoint_add_blob(rig.cp, long_name, "", 0, NULL),
		-EINVAL);
	long_name[63] = 0;
	assert_int_equal(
		smudge_checkpoint_add_blob(rig.cp, long_name, NULL, 0, NULL),
		0);
	assert_int_equal(smudge_checkpoint_add_blob(rig.cp, "a", "b", 1, NULL),
			 0);
	assert_int_equal(smudge_checkpoint_add_blob(rig.cp, "a", "c", 1, NULL),
			 -EEXIST);
	assert_int_equal(smudge_checkpoint_add_blob(rig.cp, "huge", "",
						    UINT64_C(1) << 30, NULL),
			 -E2BIG);
	for (int i = 0; i < 2; i++) {
		struct smudge_layer_info info;

		rig_checkpoint(&rig, &info);
		assert_int_equal(info.nblobs, i ? 1 : 3);
	}
	rig_close(&rig);
}

/* Saving a device's state may write memory, which is of the same moment. */
static int write_state(struct rig *rig, const char *callback)
{
	struct rig_region *region = &rig->regions[0];

	if (strcmp(callback, "save_state"))
		return 0;
	memset(region->bytes + 77 * 4096, (int)rig->npauses, 4096);
	smudge_region_mark(region->region, 77, 1);
	return 0;
}

static void the_state_is_of_the_moment(void **state)
{
	struct test_rng rng = test_rng_start("state");
	struct rig rig;

	open_rig(&rig, &rng);
	rig.hook = write_state;
	rig_create(&rig);
	for (int i = 0; i < 4; i++)
		rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

/* Structs of other versions of the header (docs/abi.md). */
static void structs_of_other_versions(void **state)
{
	struct {
		struct smudge_save_options known;
		unsigned char more[16];
	} save = {.known.size = sizeof(save)};
	struct {
		struct smudge_checkpointer_options known;
		unsigned char more[16];
	} options = {.known.size = sizeof(options)};
	struct test_rng rng = test_rng_start("structs");
	struct smudge_checkpointer_stats stats = {.size = 8};
	struct smudge_checkpointer *cp;
	struct rig rig;

	open_rig(&rig, &rng);
	rig_create(&rig);
	assert_int_equal(
		smudge_checkpointer_save(rig.cp, &save.known, NULL, NULL), 0);
	save.more[3] = 1;
	assert_int_equal(
		smudge_checkpointer_save(rig.cp, &save.known, NULL, NULL),
		-E2BIG);
	save.known.size = 8;
	assert_int_equal(
		smudge_checkpointer_save(rig.cp, &save.known, NULL, NULL),
		-EINVAL);
	assert_int_equal(smudge_checkpointer_stats(rig.cp, &stats), -EINVAL);
	rig_destroy(&rig);
	options.known.folder = rig.folder;
	options.more[3] = 1;
	assert_int_equal(smudge_checkpointer_create(rig.memory, &options.known,
						    &cp, NULL),
			 -E2BIG);
	options.more[3] = 0;
	assert_int_equal(smudge_checkpointer_create(rig.memory, &options.known,
						    &rig.cp, NULL),
			 0);
	rig_close(&rig);
}

static void results_are_kept(void **state)
{
	struct test_rng rng = test_rng_start("results");
	struct smudge_layer_info info = {.size = sizeof(info)};
	struct smudge_layer_info small = {.size = 3};
	uint64_t tickets[70];
	struct rig rig;

	open_rig(&rig, &rng);
	rig_create(&rig);
	for (int i = 0; i < 70; i++)
		tickets[i] = rig_save(&rig);
	for (int i = 69; i > 5; i--) {
		assert_int_equal(smudge_checkpointer_wait(rig.cp, tickets[i],
							  &info, NULL),
				 0);
		assert_int_equal(info.number, i + 1);
	}
	assert_int_equal(
		smudge_checkpointer_wait(rig.cp, tickets[5], NULL, NULL),
		-EINVAL);
	assert_int_equal(smudge_checkpointer_wait(rig.cp, 0, NULL, NULL),
			 -EINVAL);
	assert_int_equal(
		smudge_checkpointer_wait(rig.cp, tickets[69] + 1, NULL, NULL),
		-EINVAL);
	assert_int_equal(
		smudge_checkpointer_wait(rig.cp, tickets[69], &small, NULL),
		-EINVAL);
	rig_close(&rig);
}

static int in_child(struct rig *rig)
{
	if (smudge_checkpointer_save(rig->cp, NULL, NULL, NULL) != -EPERM)
		return 1;
	if (smudge_checkpointer_wait(rig->cp, 1, NULL, NULL) != -EPERM)
		return 2;
	return smudge_checkpointer_destroy(rig->cp) == -EPERM ? 0 : 3;
}

static void a_child_of_fork(void **state)
{
	struct test_rng rng = test_rng_start("fork");
	struct rig rig;
	int status;
	pid_t pid;

	open_rig(&rig, &rng);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	pid = fork();
	if (!pid)
		_exit(in_child(&rig));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

static void files_are_private(void **state)
{
	struct test_rng rng = test_rng_start("private");
	char path[128];
	struct stat st;
	struct rig rig;

	open_rig(&rig, &rng);
	rig_create(&rig);
	rig_checkpoint(&rig, NULL);
	snprintf(path, sizeof(path), "%s/layer-00000001.qcow2", rig.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	rig_close(&rig);
}

TEST_MAIN(options_are_checked, a_memory_without_regions, some_regions_only,
	  full_layers, a_save_that_looks_ahead, blobs,
	  the_state_is_of_the_moment, structs_of_other_versions,
	  results_are_kept, a_child_of_fork, files_are_private)
