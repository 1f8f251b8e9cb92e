/* SPDX-License-Identifier: MIT */
/*
 * Random series of saves, full layers, regions that come, go, grow and shrink,
 * and prunings: what is left is what a naive list says, and each layer that is
 * left shows what it did.
 */
#include <stdlib.h>

#include "folder.h"
#include "prune_rig.h"

#define NLAYERS 11

/* What the folder is to have, by number: the naive list. */
struct naive {
	bool is_there[PRUNE_RIG_MAX + 1];
	uint64_t below[PRUNE_RIG_MAX + 1]; /* 0: full */
};

static void naive_save(struct naive *naive, const struct prune_rig *rig)
{
	uint64_t number = rig->m.number;

	naive->is_there[number] = true;
	naive->below[number] = rig->is_full[number] ? 0 : number - 1;
}

static bool is_last_of_hour(const struct naive *naive, uint64_t number,
			    uint64_t newest, uint64_t nhours)
{
	for (uint64_t n = number + 1; n <= newest; n++)
		if (naive->is_there[n] && n / 3 == number / 3)
			return false;
	for (uint64_t hour = number / 3 + 1; hour <= newest / 3; hour++)
		for (uint64_t n = hour * 3; n < hour * 3 + 3; n++)
			if (n <= newest && naive->is_there[n]) {
				nhours -= nhours > 0;
				break;
			}
	return nhours > 0;
}

static bool is_wanted(const struct naive *naive, uint64_t number,
		      uint64_t newest,
		      const struct smudge_prune_options *options)
{
	uint64_t nlater = 0;

	for (uint64_t n = number + 1; n <= newest; n++)
		nlater += naive->is_there[n];
	return nlater < options->keep_last || !nlater ||
	       is_last_of_hour(naive, number, newest, options->keep_hourly);
}

/* All is merged that can be. Return: layers that go. */
static uint64_t naive_prune(struct naive *naive, uint64_t newest,
			    const struct smudge_prune_options *options)
{
	struct naive after = *naive;
	uint64_t ngone = 0;

	for (uint64_t n = 1; n <= newest; n++) {
		after.is_there[n] = naive->is_there[n] &&
				    is_wanted(naive, n, newest, options);
		ngone += naive->is_there[n] && !after.is_there[n];
	}
	for (uint64_t n = 1; n <= newest; n++)
		while (after.below[n] && !after.is_there[after.below[n]])
			after.below[n] = naive->below[after.below[n]];
	*naive = after;
	return ngone;
}

static void check_naive(const struct naive *naive, const struct prune_rig *rig)
{
	uint64_t numbers[PRUNE_RIG_MAX];
	size_t n = prune_rig_numbers(rig->folder, numbers), at = 0;

	for (uint64_t number = 1; number <= rig->m.number; number++) {
		struct smudge_chain *chain;
		size_t nlayers = 0;

		if (!naive->is_there[number])
			continue;
		assert_true(at < n);
		assert_int_equal(numbers[at++], number);
		for (uint64_t i = number; i; i = naive->below[i])
			nlayers++;
		chain = moments_chain(rig->folder, number);
		assert_int_equal(smudge_chain_nlayers(chain), nlayers);
		smudge_chain_close(chain);
	}
	assert_int_equal(at, n);
	folder_check(rig->folder, n);
}

/* Prune, and compare what is left with the list. */
static void prune_and_check(struct prune_rig *rig, struct naive *naive,
			    struct test_rng *rng)
{
	struct smudge_prune_options options = {
		.size = sizeof(options),
		.merge_all = true,
		.keep_last = test_rng_below(rng, 4),
		.keep_hourly = 1 + test_rng_below(rng, 3),
		.uncompressed = test_rng_below(rng, 4) == 0,
	};
	struct smudge_prune_result result;
	struct smudge_error err;
	uint64_t ngone;

	if (prune_rig_prune(rig, &options, &result, &err))
		fail_msg("%s", err.message);
	ngone = naive_prune(naive, rig->m.number, &options);
	assert_int_equal(result.removed + result.merged, ngone);
	assert_int_equal(result.waiting, 0);
	check_naive(naive, rig);
	prune_rig_check(rig);
}

static void what_is_left_is_what_it_was(void **state)
{
	struct test_rng rng = test_rng_start("prune random");

	for (unsigned int round = 0; round < test_rounds(3); round++) {
		struct naive naive = {0};
		struct prune_rig rig;

		prune_rig_open(&rig, "chain");
		for (int i = 0; i < NLAYERS; i++) {
			prune_rig_save(&rig, &rng, test_rng_below(&rng, 2),
				       test_rng_below(&rng, 8) == 0);
			naive_save(&naive, &rig);
			if (test_rng_below(&rng, 4) == 0)
				prune_and_check(&rig, &naive, &rng);
		}
		prune_and_check(&rig, &naive, &rng);
		prune_rig_close(&rig);
		assert_int_equal(system("rm -r chain"), 0);
	}
}

/* What was put there by the test, and what remains of it. */
struct seen {
	struct smudge_pruned_layer layers[PRUNE_RIG_MAX];
	size_t n;
};

static void see(void *opaque, const struct smudge_pruned_layer *layer)
{
	struct seen *seen = opaque;

	seen->layers[seen->n++] = *layer;
}

/* Nothing changes, and the same is said as is done afterwards. */
static void a_dry_run_says_what_is_done(void **state)
{
	struct test_rng rng = test_rng_start("prune dry run");
	struct seen would = {.n = 0}, did = {.n = 0};
	struct smudge_prune_options options = {.size = sizeof(options),
					       .merge_all = true,
					       .dry_run = true,
					       .keep_last = 1,
					       .keep_hourly = 2,
					       .pruned = see,
					       .opaque = &would};
	struct smudge_prune_result dry, result;
	struct prune_rig rig;

	prune_rig_open(&rig, "chain");
	for (int i = 0; i < 8; i++)
		prune_rig_save(&rig, &rng, false, i == 2);
	assert_int_equal(prune_rig_prune(&rig, &options, &dry, NULL), 0);
	folder_check("chain", 8);
	options.dry_run = false;
	options.opaque = &did;
	assert_int_equal(prune_rig_prune(&rig, &options, &result, NULL), 0);
	assert_int_equal(would.n, 8);
	assert_int_equal(did.n, 8);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(would.layers[i].number, i + 1);
		assert_int_equal(would.layers[i].fate, did.layers[i].fate);
		assert_int_equal(would.layers[i].merged_into,
				 did.layers[i].merged_into);
		assert_int_equal(would.layers[i].is_rewritten,
				 did.layers[i].is_rewritten);
		assert_int_equal(would.layers[i].file_bytes,
				 did.layers[i].file_bytes);
	}
	assert_int_equal(dry.removed, result.removed);
	assert_int_equal(dry.merged, result.merged);
	assert_int_equal(dry.rewritten, result.rewritten);
	assert_int_equal(dry.before_bytes, result.before_bytes);
	assert_int_equal(result.removed, 2);
	assert_int_equal(result.merged, 4);
	assert_int_equal(result.rewritten, 2);
	prune_rig_check(&rig);
	prune_rig_close(&rig);
}

TEST_MAIN_WITH(folder_enter, folder_leave, what_is_left_is_what_it_was,
	       a_dry_run_says_what_is_done)
