/* SPDX-License-Identifier: MIT */
/*
 * A crash at every write, flush and change of a name while a folder is pruned,
 * on a file system that loses what was not flushed: each layer that is then in
 * the folder shows what it did, none that is to be kept is missing, and pruning
 * again completes what was begun.
 *
 * Its story: two prunings with saves around them. The first merges layers into
 * others from a full one on; the second removes a chain, and merges what the
 * first one has written.
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "lossy_cuts.h"
#include "prune_rig.h"
#include "slow.h"

static struct prune_rig rig;
static size_t in_place[PRUNE_RIG_MAX + 1]; /* events after which it is there */
static size_t unwanted[PRUNE_RIG_MAX + 1]; /* from which it may be gone */
static struct smudge_prune_options first_options, second_options;
static size_t second_begins; /* events */

static void save(struct test_rng *rng, bool regions_too, bool is_full)
{
	prune_rig_save(&rig, rng, regions_too, is_full);
	in_place[rig.m.number] = lossy_nevents();
}

static void prune(const struct smudge_prune_options *options,
		  const uint64_t *goes, size_t ngo)
{
	struct smudge_prune_result result;
	struct smudge_error err;

	for (size_t i = 0; i < ngo; i++)
		unwanted[goes[i]] = lossy_nevents();
	if (prune_rig_prune(&rig, options, &result, &err))
		fail_msg("%s", err.message);
	assert_int_equal(result.removed + result.merged, ngo);
}

static void tell(struct test_rng *rng)
{
	/* Of hours 0, 1 and 2 layers 2, 5 and 6 stay, then 8 and 10. */
	static const uint64_t first[] = {1, 3, 4};
	static const uint64_t second[] = {2, 5, 6, 7, 9};

	first_options = (struct smudge_prune_options){
		.size = sizeof(first_options),
		.merge_all = true,
		.keep_hourly = 3,
	};
	second_options = first_options;
	second_options.keep_hourly = 2;
	for (int i = 0; i < 6; i++)
		save(rng, i == 3, i == 2);
	prune(&first_options, first, 3);
	save(rng, true, false);
	save(rng, false, false);
	save(rng, false, true);
	save(rng, false, false);
	second_begins = lossy_nevents();
	prune(&second_options, second, 5);
	save(rng, true, false);
}

/* Told once, and what was noted of it is kept: it takes long. */
static int set_up(void **state)
{
	struct test_rng rng;

	if (folder_enter(state) < 0)
		return -1;
	if (second_begins)
		return 0;
	rng = test_rng_start("cut_prune story");
	memset(in_place, 0xff, sizeof(in_place));
	memset(unwanted, 0xff, sizeof(unwanted));
	prune_rig_open(&rig, "chain");
	lossy_record("chain");
	tell(&rng);
	lossy_stop();
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *where)
{
	return remove(path);
}

static void end_cut(void)
{
	assert_int_equal(nftw("cut", remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static bool is_among(const uint64_t *numbers, size_t n, uint64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static const char *wrong_with_layers(size_t nevents)
{
	uint64_t numbers[PRUNE_RIG_MAX];
	size_t n = prune_rig_numbers("cut", numbers);
	const char *wrong = NULL;

	for (uint64_t i = 1; i <= PRUNE_RIG_MAX; i++)
		if (in_place[i] <= nevents && unwanted[i] > nevents &&
		    !is_among(numbers, n, i))
			wrong = "a layer that was to be kept is gone";
	for (size_t i = 0; !wrong && i < n; i++)
		wrong = prune_rig_wrong(&rig, "cut", numbers[i]);
	return wrong;
}

/* Whichever pruning it was: as the second one, and then there is no more. */
static void continue_from(struct test_rng *rng)
{
	struct smudge_prune_options options = second_options;
	struct smudge_prune_result result = {.size = sizeof(result)};
	struct smudge_error err;
	uint64_t numbers[PRUNE_RIG_MAX];
	size_t n;

	/* Its flushes take long. */
	if (test_rng_below(rng, 4))
		return;
	options.folder = "cut";
	if (smudge_layers_prune(&options, &result, &err))
		fail_msg("%s", err.message);
	n = prune_rig_numbers("cut", numbers);
	folder_check("cut", n);
	assert_true(n <= 2);
	for (size_t i = 0; i < n; i++)
		assert_null(prune_rig_wrong(&rig, "cut", numbers[i]));
	assert_int_equal(smudge_layers_prune(&options, &result, &err), 0);
	assert_int_equal(result.removed + result.merged + result.rewritten, 0);
}

static const struct lossy_cuts cuts = {
	.folder = "cut",
	.wrong = wrong_with_layers,
	.continue_from = continue_from,
	.end = end_cut,
};

/* What was noted is what is there: no way of writing is overlooked. */
static void all_is_noted(void **state)
{
	struct test_rng rng = test_rng_start("cut_prune all");

	lossy_crash(lossy_nevents(), LOSSY_NONE, &rng, "cut");
	assert_int_equal(system("diff -r chain cut"), 0);
	assert_null(wrong_with_layers(lossy_nevents()));
	print_message("# %zu events, the second pruning from %zu on\n",
		      lossy_nevents(), second_begins);
	end_cut();
}

static void every_event_can_be_the_last(void **state)
{
	struct test_rng rng = test_rng_start("cut_prune every");

	lossy_cut_every(&cuts, &rng);
}

static void what_was_not_flushed_is_lost_in_part(void **state)
{
	struct test_rng rng = test_rng_start("cut_prune some");

	lossy_cut_in_part(&cuts, 1, &rng);
}

/* Where an order of names matters, many of the ways to lose some. */
static void names_are_lost_in_part(void **state)
{
	struct test_rng rng = test_rng_start("cut_prune names");
	unsigned int nnames = 0;

	for (size_t i = 1; i <= lossy_nevents(); i++) {
		if (strncmp(lossy_event(i - 1), "unlink", 6) != 0)
			continue;
		nnames++;
		for (unsigned int j = test_rounds(16); j; j--)
			lossy_cut(&cuts, i, LOSSY_SOME, &rng);
	}
	assert_int_equal(nnames, 8);
}

/*
 * Without the flush of the files this test finds layers that are not whole; the
 * first is enough where the build is slow.
 */
static void a_missing_flush_is_found(void **state)
{
	struct test_rng rng = test_rng_start("cut_prune unflushed");
	unsigned int nwrong = 0;

	for (size_t i = 0; i <= lossy_nevents(); i += 5) {
		lossy_crash(i, LOSSY_UNFLUSHED, &rng, "cut");
		nwrong += wrong_with_layers(i) != NULL;
		end_cut();
		if (TEST_STEP > 1 && nwrong)
			break;
	}
	assert_true(nwrong > 0);
	lossy_clear();
	prune_rig_close(&rig);
}

TEST_MAIN_WITH(set_up, folder_leave, all_is_noted, every_event_can_be_the_last,
	       what_was_not_flushed_is_lost_in_part, names_are_lost_in_part,
	       a_missing_flush_is_found)
