/* SPDX-License-Identifier: MIT */
/*
 * Readers: what a chain that is open stands on is neither replaced nor removed,
 * whichever process has it open and whenever it was opened; and who opens the
 * newest layer, again and again while others are saved and pruned, always can.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/layers.h>

#include "checkpoint/readers.h"
#include "folder.h"
#include "prune_rig.h"

static struct smudge_prune_options options = {
	.size = sizeof(options), .merge_all = true, .keep_last = 1};

static void open_rig(struct prune_rig *rig, struct test_rng *rng, int nlayers)
{
	prune_rig_open(rig, "chain");
	for (int i = 0; i < nlayers; i++)
		prune_rig_save(rig, rng, i == 3, false);
}

static void expect(const struct prune_rig *rig, const uint64_t *numbers,
		   size_t n)
{
	uint64_t found[PRUNE_RIG_MAX];

	assert_int_equal(prune_rig_numbers(rig->folder, found), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(found[i], numbers[i]);
	folder_check(rig->folder, n);
}

static void prune(struct prune_rig *rig, struct smudge_prune_result *result)
{
	struct smudge_error err;

	if (prune_rig_prune(rig, &options, result, &err))
		fail_msg("%s", err.message);
	prune_rig_check(rig);
}

static void what_a_chain_stands_on_stays(void **state)
{
	static const uint64_t during[] = {1, 2, 3, 8}, after[] = {8};
	struct test_rng rng = test_rng_start("prune_readers stays");
	struct smudge_prune_result result;
	struct smudge_chain *chain;
	struct prune_rig rig;

	open_rig(&rig, &rng, 8);
	chain = moments_chain("chain", 3);
	prune(&rig, &result);
	expect(&rig, during, 4);
	assert_int_equal(result.merged, 4);
	assert_int_equal(result.in_use, 3);
	assert_int_equal(result.in_use_number, 3);
	assert_int_equal(smudge_chain_verify(chain, NULL, NULL, NULL), 0);
	moment_check(&rig.kept[3], chain);
	smudge_chain_close(chain);
	prune(&rig, &result);
	expect(&rig, after, 1);
	assert_int_equal(result.in_use, 0);
	prune_rig_close(&rig);
}

static void nothing_under_the_newest_is_replaced(void **state)
{
	static const uint64_t during[] = {1, 2, 3, 4, 5}, after[] = {5};
	struct test_rng rng = test_rng_start("prune_readers newest");
	struct smudge_prune_result result;
	struct smudge_chain *chain;
	struct prune_rig rig;

	open_rig(&rig, &rng, 5);
	chain = moments_chain("chain", 0);
	prune(&rig, &result);
	expect(&rig, during, 5);
	assert_int_equal(result.in_use, 4);
	assert_int_equal(result.in_use_number, 5);
	moment_check(&rig.kept[5], chain);
	smudge_chain_close(chain);
	prune(&rig, &result);
	expect(&rig, after, 1);
	prune_rig_close(&rig);
}

/* A reader that opens a chain while layers of it are being merged. */
struct late {
	uint64_t number;
	struct smudge_chain *chain;
};

static int open_late(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct late *late = opaque;

	if (!late->chain)
		late->chain = moments_chain("chain", late->number);
	return 0;
}

static void who_comes_during_a_merge_is_seen(void **state)
{
	static const uint64_t during[] = {1, 2, 3, 4, 5}, after[] = {5};
	struct test_rng rng = test_rng_start("prune_readers late");
	struct late late = {.number = 5};
	struct smudge_prune_options own = options;
	struct smudge_prune_result result;
	struct prune_rig rig;

	own.progress = open_late;
	own.opaque = &late;
	open_rig(&rig, &rng, 5);
	assert_int_equal(prune_rig_prune(&rig, &own, &result, NULL), 0);
	assert_non_null(late.chain);
	expect(&rig, during, 5);
	assert_int_equal(result.in_use, 4);
	assert_int_equal(result.rewritten, 0);
	moment_check(&rig.kept[5], late.chain);
	smudge_chain_close(late.chain);
	prune(&rig, &result);
	expect(&rig, after, 1);
	prune_rig_close(&rig);
}

/* The one that it reads is unwanted: it stays, and all below it. */
static void who_comes_to_an_unwanted_layer_is_seen(void **state)
{
	static const uint64_t during[] = {1, 2, 3, 6}, after[] = {6};
	struct test_rng rng = test_rng_start("prune_readers unwanted");
	struct late late = {.number = 3};
	struct smudge_prune_options own = options;
	struct smudge_prune_result result;
	struct prune_rig rig;

	own.progress = open_late;
	own.opaque = &late;
	open_rig(&rig, &rng, 6);
	assert_int_equal(prune_rig_prune(&rig, &own, &result, NULL), 0);
	expect(&rig, during, 4);
	assert_int_equal(result.rewritten, 1);
	assert_int_equal(result.merged, 2);
	moment_check(&rig.kept[3], late.chain);
	prune_rig_check(&rig);
	smudge_chain_close(late.chain);
	prune(&rig, &result);
	expect(&rig, after, 1);
	prune_rig_close(&rig);
}

/* Opens the newest layer and reads all of it until it is killed. */
static void read_for_ever(void)
{
	const struct smudge_chain_options newest = {.size = sizeof(newest),
						    .folder = "chain"};
	struct smudge_error err;
	struct smudge_chain *chain;

	for (;;) {
		if (smudge_chain_open(&newest, &chain, &err) ||
		    smudge_chain_verify(chain, NULL, NULL, &err)) {
			print_error("a reader: %s\n", err.message);
			_exit(1);
		}
		smudge_chain_close(chain);
	}
}

static void readers_of_another_process_never_fail(void **state)
{
	struct test_rng rng = test_rng_start("prune_readers race");
	struct smudge_prune_result result;
	pid_t readers[2];
	struct prune_rig rig;
	int status;

	open_rig(&rig, &rng, 2);
	for (int i = 0; i < 2; i++) {
		readers[i] = fork();
		assert_true(readers[i] >= 0);
		if (!readers[i])
			read_for_ever();
	}
	while (rig.m.number < PRUNE_RIG_MAX) {
		prune_rig_save(&rig, &rng, false, rig.m.number % 7 == 6);
		prune(&rig, &result);
	}
	for (int i = 0; i < 2; i++) {
		kill(readers[i], SIGKILL);
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		assert_true(WIFSIGNALED(status));
	}
	/* Their locks ended with them. */
	prune(&rig, &result);
	expect(&rig, &rig.m.number, 1);
	prune_rig_close(&rig);
}

static void locks_are_on_numbers(void **state)
{
	int folder_fd = smi_folder_open(".", NULL);
	int reader_fd = smi_folder_open(".", NULL);

	smi_readers_stop(folder_fd);
	smi_readers_resume(folder_fd);
	assert_int_equal(smi_readers_enter(reader_fd, NULL), 0);
	assert_true(smi_readers_are_in(folder_fd, 1));
	assert_true(smi_readers_are_in(folder_fd, UINT64_MAX));
	assert_false(smi_readers_are_in(reader_fd, 1));
	smi_readers_stay(reader_fd, 7);
	assert_false(smi_readers_are_in(folder_fd, 6));
	assert_true(smi_readers_are_in(folder_fd, 7));
	assert_true(smi_readers_are_above(folder_fd, 6));
	assert_false(smi_readers_are_above(folder_fd, 7));
	close(reader_fd);
	assert_false(smi_readers_are_in(folder_fd, 7));
	close(folder_fd);
}

TEST_MAIN_WITH(folder_enter, folder_leave, what_a_chain_stands_on_stays,
	       nothing_under_the_newest_is_replaced,
	       who_comes_during_a_merge_is_seen,
	       who_comes_to_an_unwanted_layer_is_seen,
	       readers_of_another_process_never_fail, locks_are_on_numbers)
