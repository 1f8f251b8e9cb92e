/* SPDX-License-Identifier: MIT */
/*
 * Other programs in a checkpointer's folder: layers of theirs, and what they do
 * to the layer that the next one will stand on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpointer_objects.h"
#include "rig.h"

static void open_rig(struct rig *rig, struct test_rng *rng)
{
	rig_open(rig, "in_place");
	rig->options.full_every = UINT32_MAX;
	rig_add(rig, "ram", 0, 500, 500);
	rig_write_random(rig, rng, 300);
	rig_create(rig);
}

static void make_file(struct rig *rig, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* The layer's file is another one, with the bytes of layer @from. */
static void replace(const struct rig *rig, unsigned int from, unsigned int to)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "cp %s/layer-%08u.qcow2 %s/new && "
		 "mv %s/new %s/layer-%08u.qcow2",
		 rig->folder, from, rig->folder, rig->folder, rig->folder, to);
	assert_int_equal(system(command), 0);
}

static void wait_fails(struct rig *rig, int expected)
{
	struct smudge_error err;

	assert_int_equal(
		smudge_checkpointer_wait(rig->cp, rig_save(rig), NULL, &err),
		expected);
	assert_int_equal(err.code, expected);
	assert_int_not_equal(err.message[0], 0);
}

static void the_newest_has_the_highest_number(void **state)
{
	struct test_rng rng = test_rng_start("highest");
	struct smudge_layer_info info;
	struct rig rig;

	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	make_file(&rig, "layer-00000002.qcow2");
	make_file(&rig, "layer-00000007.qcow2");
	rig_checkpoint(&rig, &info);
	assert_int_equal(info.number, 8);
	assert_false(info.is_full);
	rig_close(&rig);
}

static void no_number_is_left(void **state)
{
	struct test_rng rng = test_rng_start("no number");
	struct rig rig;

	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	make_file(&rig, "layer-18446744073709551615.qcow2");
	wait_fails(&rig, -EEXIST);
	wait_fails(&rig, -EEXIST);
	rig_close(&rig);
}

/* They differ, whatever the seed. */
static void open_with_two_layers(struct rig *rig, struct test_rng *rng)
{
	open_rig(rig, rng);
	rig_checkpoint(rig, NULL);
	rig_write_random(rig, rng, 500);
	rig_checkpoint(rig, NULL);
}

static void the_parent_is_another_layer(void **state)
{
	struct test_rng rng = test_rng_start("another");
	struct smudge_layer_info info;
	struct rig rig;

	open_with_two_layers(&rig, &rng);
	replace(&rig, 1, 2);
	rig_write_random(&rig, &rng, 500);
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	rig_close(&rig);
}

static int replace_parent(struct rig *rig, const char *callback)
{
	if (!strcmp(callback, "save_state"))
		replace(rig, 1, 2);
	return 0;
}

/* It was right when the save began. */
static void the_parent_becomes_another_layer(void **state)
{
	struct test_rng rng = test_rng_start("becomes another");
	struct smudge_layer_info info;
	struct rig rig;

	open_with_two_layers(&rig, &rng);
	rig.hook = replace_parent;
	wait_fails(&rig, -ENOENT);
	rig.hook = NULL;
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	rig_close(&rig);
}

/* As a tool that converts it leaves it: another file, the same moment. */
static void the_parent_is_written_anew(void **state)
{
	struct test_rng rng = test_rng_start("anew");
	struct smudge_layer_info info;
	struct rig rig;

	open_with_two_layers(&rig, &rng);
	replace(&rig, 2, 2);
	rig_write_random(&rig, &rng, 500);
	rig_checkpoint(&rig, &info);
	assert_false(info.is_full);
	rig_close(&rig);
}

/* No chain is longer than what is read, whatever the program asked for. */
static void a_chain_ends(void **state)
{
	struct test_rng rng = test_rng_start("ends");
	struct smudge_layer_info info;
	struct rig rig;

	open_rig(&rig, &rng);
	rig_checkpoint(&rig, NULL);
	rig.cp->moment.chain_nlayers = 4095;
	rig_checkpoint(&rig, &info);
	assert_false(info.is_full);
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	rig_close(&rig);
}

TEST_MAIN(the_newest_has_the_highest_number, no_number_is_left,
	  the_parent_is_another_layer, the_parent_becomes_another_layer,
	  the_parent_is_written_anew, a_chain_ends)
