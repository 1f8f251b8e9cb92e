/* SPDX-License-Identifier: MIT */
/*
 * qemu-img handles a chain of 200 layers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "../qcow2/qemu_img.h"
#include "moments.h"

#define NLAYERS 200
#define NEXT	"layer-00000201.qcow2"

/* Those that are compared. */
static const uint64_t numbers[] = {1, 2, 20, 100, 101, 150, NLAYERS};
static struct moment kept[sizeof(numbers) / sizeof(numbers[0])];
static struct moments memory;

/* Nothing is flushed: this is no test of that. */
static void save(struct moments *m)
{
	char name[SMI_FOLDER_NAME_BYTES];
	struct smi_folder_file file;
	struct smi_layer layer;

	moments_write(m, false, &file, &layer);
	smi_folder_name(m->number + 1, name);
	assert_int_equal(rename(file.name, name), 0);
	close(file.fd);
	moments_committed(m, m->number + 1, &layer);
}

static int set_up(void **state)
{
	struct test_rng rng = test_rng_start("deep");
	size_t n = 0;

	if (scratch_enter(state))
		return -1;
	moments_open(&memory, ".");
	for (uint64_t i = 1; i <= NLAYERS; i++) {
		moments_change(&memory, &rng, i % 20 == 0);
		moments_keep_first(&memory);
		save(&memory);
		if (i == numbers[n])
			moment_copy(&kept[n++], &memory.now);
	}
	return 0;
}

static int tear_down(void **state)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		moment_clear(&kept[i]);
	moments_close(&memory);
	return scratch_leave(state);
}

/* Layer @number has the moment of layer @moment. */
static void check(uint64_t number, uint64_t moment, size_t nlayers)
{
	struct smudge_chain *chain = moments_chain(".", number);
	size_t i = 0;

	while (numbers[i] != moment)
		i++;
	assert_int_equal(smudge_chain_nlayers(chain), nlayers);
	moment_check(&kept[i], chain);
	smudge_chain_close(chain);
}

static void qemu_reads_the_chain(void)
{
	assert_qemu_checks("layer-00000200.qcow2");
	assert_int_equal(QEMU_IMG("convert", "-O", "qcow2",
				  "layer-00000200.qcow2", NEXT),
			 0);
	check(201, NLAYERS, 1);
	assert_int_equal(
		QEMU_IMG("compare", "-q", NEXT, "layer-00000200.qcow2"), 0);
	assert_int_equal(unlink(NEXT), 0);
}

/* In the middle: the layer above is put on what it was merged into. */
static void a_layer_is_committed(void)
{
	assert_int_equal(QEMU_IMG("commit", "-q", "-d", "-f", "qcow2",
				  "layer-00000101.qcow2"),
			 0);
	assert_int_equal(QEMU_IMG("rebase", "-u", "-f", "qcow2", "-F", "qcow2",
				  "-b", "layer-00000100.qcow2",
				  "layer-00000102.qcow2"),
			 0);
	assert_int_equal(unlink("layer-00000101.qcow2"), 0);
	check(100, 101, 100);
	check(NLAYERS, NLAYERS, NLAYERS - 1);
}

/* A hundred layers less. */
static void a_layer_is_moved(void)
{
	assert_int_equal(QEMU_IMG("rebase", "-f", "qcow2", "-F", "qcow2", "-b",
				  "layer-00000049.qcow2",
				  "layer-00000150.qcow2"),
			 0);
	check(150, 150, 50);
	check(NLAYERS, NLAYERS, 100);
}

/*
 * Layer @number stood on the oldest one: stale, unless by chance all that has
 * changed is in the layers between.
 */
static void check_stale(uint64_t number)
{
	const struct smudge_chain_options options = {
		.size = sizeof(options), .folder = ".", .number = number};
	struct smudge_chain *chain;
	struct smudge_error err;

	if (smudge_chain_open(&options, &chain, &err) == 0) {
		smudge_chain_close(chain);
		check(number, number, number);
		return;
	}
	assert_int_equal(err.code, -ESTALE);
	assert_non_null(strstr(err.message, "layer-00000002.qcow2 was not made "
					    "on layer-00000001.qcow2"));
}

/* The newest one is whole then. */
static void all_is_committed_to_the_oldest(void)
{
	assert_int_equal(QEMU_IMG("commit", "-q", "-f", "qcow2", "-b",
				  "layer-00000001.qcow2",
				  "layer-00000200.qcow2"),
			 0);
	check(1, NLAYERS, 1);
	check(NLAYERS, NLAYERS, 100);
	check_stale(2);
	check_stale(20);
}

/* One after the other on the same chain. */
static void qemu_handles_200_layers(void **state)
{
	qemu_img_need();
	qemu_reads_the_chain();
	a_layer_is_committed();
	a_layer_is_moved();
	all_is_committed_to_the_oldest();
}

TEST_MAIN_WITH(set_up, tear_down, qemu_handles_200_layers)
