/* SPDX-License-Identifier: MIT */
/*
 * A checkpointer prunes its own folder: the next layer is a delta as it would
 * have been, full layers come when the chain is as long as it now is, and every
 * layer that is left is its moment, also if saves continue meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <smudge/prune.h>

#include "checkpoint/in_place.h"
#include "rig.h"

static struct smudge_prune_options keep_one = {
	.size = sizeof(keep_one), .keep_last = 1, .merge_all = true};

static void open_rig(struct rig *rig, uint32_t full_every)
{
	rig_open(rig, "prune");
	rig_add(rig, "ram", 0, 300, 600);
	rig_add(rig, "rom", UINT64_C(1) << 32, 7, 7);
	rig->options.full_every = full_every;
	rig->options.nthreads = 2;
	rig_create(rig);
}

static void prune(struct rig *rig, const struct smudge_prune_options *options,
		  struct smudge_prune_result *ret_result)
{
	struct smudge_error err;

	ret_result->size = sizeof(*ret_result);
	if (smudge_checkpointer_prune(rig->cp, options, ret_result, &err))
		fail_msg("%s", err.message);
}

static size_t chain_nlayers(struct rig *rig, uint64_t number)
{
	const struct smudge_chain_options options = {.size = sizeof(options),
						     .folder = rig->folder,
						     .number = number};
	struct smudge_chain *chain;
	size_t n;

	assert_int_equal(smudge_chain_open(&options, &chain, NULL), 0);
	n = smudge_chain_nlayers(chain);
	smudge_chain_close(chain);
	return n;
}

static bool is_stamp_right(struct rig *rig)
{
	struct smi_stamp stamp = rig->cp->moment.stamp;

	smi_in_place_stamp(rig->cp->folder_fd, &rig->cp->moment);
	return smi_stamp_is_same(&stamp, &rig->cp->moment.stamp);
}

static void the_next_layer_is_a_delta(void **state)
{
	struct test_rng rng = test_rng_start("prune_own delta");
	struct smudge_layer_info info = {.is_full = true};
	struct smudge_prune_result result;
	struct rig rig;

	open_rig(&rig, 4);
	for (int i = 0; i < 3; i++) {
		rig_write_random(&rig, &rng, 30);
		rig_checkpoint(&rig, NULL);
	}
	prune(&rig, &keep_one, &result);
	assert_int_equal(result.merged, 2);
	assert_int_equal(result.rewritten, 1);
	assert_true(is_stamp_right(&rig));
	assert_int_equal(rig.cp->moment.chain_nlayers, 1);
	/* Three more stand on it, then the chain is four layers long. */
	for (int i = 0; i < 3; i++) {
		rig_write_random(&rig, &rng, 30);
		rig_checkpoint(&rig, &info);
		assert_int_equal(info.number, 4 + i);
		assert_false(info.is_full);
		assert_int_equal(chain_nlayers(&rig, info.number), 2 + i);
	}
	rig_checkpoint(&rig, &info);
	assert_true(info.is_full);
	prune(&rig, &keep_one, &result);
	assert_int_equal(result.removed, 4);
	assert_int_equal(result.rewritten, 0);
	rig_checkpoint(&rig, &info);
	assert_false(info.is_full);
	rig_close(&rig);
}

/* A layer below the newest is replaced: the newest stands on it as before. */
static void below_the_newest(void **state)
{
	struct test_rng rng = test_rng_start("prune_own below");
	struct smudge_prune_options options = keep_one;
	struct smudge_layer_info info;
	struct smudge_prune_result result;
	struct rig rig;

	options.keep_last = 2;
	open_rig(&rig, 10);
	for (int i = 0; i < 5; i++) {
		rig_write_random(&rig, &rng, 30);
		rig_checkpoint(&rig, NULL);
	}
	prune(&rig, &options, &result);
	assert_int_equal(result.merged, 3);
	assert_int_equal(chain_nlayers(&rig, 5), 2);
	assert_int_equal(rig.cp->moment.chain_nlayers, 2);
	assert_true(is_stamp_right(&rig));
	rig_resize(&rig, &rig.regions[0], 500);
	rig_write_random(&rig, &rng, 30);
	rig_checkpoint(&rig, &info);
	assert_false(info.is_full);
	assert_int_equal(chain_nlayers(&rig, 6), 3);
	rig_close(&rig);
}

static atomic_bool is_ending;

static void *prune_for_ever(void *opaque)
{
	struct rig *rig = opaque;
	struct smudge_prune_options options = keep_one;
	struct smudge_prune_result result;

	for (uint64_t i = 0; !atomic_load(&is_ending); i++) {
		options.keep_last = 1 + i % 3;
		options.merge_all = i % 2;
		prune(rig, &options, &result);
	}
	return NULL;
}

static void wait_for(struct rig *rig, uint64_t ticket)
{
	struct smudge_error err;

	if (smudge_checkpointer_wait(rig->cp, ticket, NULL, &err))
		fail_msg("%s", err.message);
}

/* No save fails, and the newest layer is always its moment. */
static void saves_go_on_meanwhile(void **state)
{
	struct test_rng rng = test_rng_start("prune_own meanwhile");
	unsigned int nsaves = test_rounds(40);
	pthread_t thread;
	struct rig rig;

	open_rig(&rig, 7);
	rig_start(&rig, 2);
	rig_checkpoint(&rig, NULL);
	atomic_store(&is_ending, false);
	assert_int_equal(pthread_create(&thread, NULL, prune_for_ever, &rig),
			 0);
	for (unsigned int i = 0; i < nsaves; i++) {
		uint64_t ticket = rig_save(&rig);
		struct rig_moment moment;

		/* Two at once, now and then. */
		if (test_rng_below(&rng, 3) == 0) {
			wait_for(&rig, ticket);
			ticket = rig_save(&rig);
		}
		moment = rig_take_moment(&rig);
		rig_check(&rig, ticket, &moment, NULL);
		rig_free_moment(&moment);
	}
	atomic_store(&is_ending, true);
	pthread_join(thread, NULL);
	assert_int_equal(rig.cp->moment.chain_nlayers,
			 chain_nlayers(&rig, rig.cp->moment.number));
	assert_true(is_stamp_right(&rig));
	rig_close(&rig);
}

static void before_the_first_layer(void **state)
{
	struct smudge_prune_result result;
	struct smudge_layer_info info;
	struct rig rig;

	open_rig(&rig, 4);
	prune(&rig, &keep_one, &result);
	assert_int_equal(result.layers, 0);
	rig_checkpoint(&rig, &info);
	assert_int_equal(info.number, 1);
	rig_close(&rig);
}

static void what_is_refused(void **state)
{
	struct smudge_prune_result result = {.size = sizeof(result)};
	struct smudge_prune_options options = {.size = sizeof(options)};
	struct smudge_error err;
	struct rig rig;

	open_rig(&rig, 4);
	assert_int_equal(
		smudge_checkpointer_prune(rig.cp, &options, &result, &err),
		-EINVAL);
	assert_string_equal(err.message, "nothing says which layers are kept");
	options.keep_last = 1;
	options.garbage_percent = 101;
	assert_int_equal(
		smudge_checkpointer_prune(rig.cp, &options, NULL, &err),
		-EINVAL);
	options.garbage_percent = 100;
	options.folder = rig.folder;
	assert_int_equal(
		smudge_checkpointer_prune(rig.cp, &options, NULL, &err),
		-EINVAL);
	/* The checkpointer is the folder's writer. */
	assert_int_equal(smudge_layers_prune(&options, NULL, &err), -EBUSY);
	options.folder = NULL;
	assert_int_equal(smudge_layers_prune(&options, NULL, &err), -EINVAL);
	result.size = 8;
	assert_int_equal(
		smudge_checkpointer_prune(rig.cp, &options, &result, &err),
		-EINVAL);
	rig_close(&rig);
}

TEST_MAIN(the_next_layer_is_a_delta, below_the_newest, saves_go_on_meanwhile,
	  before_the_first_layer, what_is_refused)
