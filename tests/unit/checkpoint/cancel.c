/* SPDX-License-Identifier: MIT */
/*
 * Saves that are given up, at any moment: by a cancel, by a deadline. The
 * machine runs again, and the next save has everything.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

static void open_rig(struct rig *rig, struct test_rng *rng, size_t npages)
{
	rig_open(rig, "cancel");
	rig_add(rig, "ram", 0, npages, npages);
	rig_write_random(rig, rng, 500);
	rig_create(rig);
	atomic_store(&rig->seed, test_rng_next(rng));
}

static const char *cancelling;

static int cancel_in(struct rig *rig, const char *callback)
{
	if (cancelling && !strcmp(callback, cancelling))
		smudge_checkpointer_cancel(rig->cp);
	return 0;
}

static void a_cancel_in_a_callback(void **state)
{
	static const char *const callbacks[] = {"quiesce", "save_state",
						"resume"};
	struct test_rng rng = test_rng_start("cancel");
	struct smudge_error err;
	struct rig rig;

	open_rig(&rig, &rng, 1000);
	rig.hook = cancel_in;
	rig_start(&rig, 1);
	for (int i = 0; i < 6; i++) {
		cancelling = callbacks[i % 3];
		assert_int_equal(
			smudge_checkpointer_save(rig.cp, NULL, NULL, &err),
			-ECANCELED);
		assert_int_not_equal(err.message[0], 0);
		cancelling = NULL;
		rig_checkpoint(&rig, NULL);
	}
	rig_close(&rig);
}

/* What was clean before a full layer that failed is clean afterwards. */
static void a_full_save_that_is_cancelled(void **state)
{
	static const char *const callbacks[] = {"quiesce", "save_state",
						"resume"};
	const struct smudge_save_options full = {.size = sizeof(full),
						 .is_full = true};
	struct test_rng rng = test_rng_start("full");
	struct smudge_layer_info info;
	struct rig rig;

	open_rig(&rig, &rng, 5000);
	rig.hook = cancel_in;
	cancelling = NULL;
	rig_checkpoint(&rig, NULL);
	for (int i = 0; i < 6; i++) {
		rig_write(&rig, &rig.regions[0], 7, 7 + i);
		rig_write(&rig, &rig.regions[0], 100 + i, i);
		cancelling = callbacks[i % 3];
		assert_int_equal(
			smudge_checkpointer_save(rig.cp, &full, NULL, NULL),
			-ECANCELED);
		cancelling = NULL;
		rig_write(&rig, &rig.regions[0], 200 + i, 1 + i);
		rig_checkpoint(&rig, &info);
		assert_false(info.is_full);
		assert_int_equal(info.pages, 3);
	}
	rig_close(&rig);
}

static void *cancel_often(void *opaque)
{
	struct rig *rig = opaque;
	struct test_rng rng = {atomic_load(&rig->seed)};

	while (!atomic_load(&rig->is_ending)) {
		usleep(1U << test_rng_below(&rng, 19));
		smudge_checkpointer_cancel(rig->cp);
	}
	return NULL;
}

static void cancels_at_any_time(void **state)
{
	struct test_rng rng = test_rng_start("cancels");
	unsigned int nfailed = 0, nplaced = 0;
	pthread_t thread;
	struct rig rig;

	open_rig(&rig, &rng, 6000);
	rig.options.full_every = 5;
	rig_start(&rig, 1);
	assert_int_equal(pthread_create(&thread, NULL, cancel_often, &rig), 0);
	for (unsigned int i = 0; i < test_rounds(60); i++) {
		uint64_t ticket;
		int ret = smudge_checkpointer_save(rig.cp, NULL, &ticket, NULL);
		struct rig_moment moment = rig_take_moment(&rig);
		struct smudge_layer_info info = {.size = sizeof(info)};

		if (!ret)
			ret = smudge_checkpointer_wait(rig.cp, ticket, &info,
						       NULL);
		if (!ret)
			rig_compare(&rig, info.number, &moment);
		else
			assert_true(ret == -ECANCELED || ret == -EAGAIN);
		ret ? nfailed++ : nplaced++;
		rig_free_moment(&moment);
	}
	rig_stop(&rig);
	pthread_join(thread, NULL);
	print_message("# %u saves cancelled, %u in place\n", nfailed, nplaced);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

/* From one that nothing meets to one that all do. */
static void deadlines(void **state)
{
	struct test_rng rng = test_rng_start("deadlines");
	struct smudge_save_options options = {.size = sizeof(options)};
	unsigned int nfailed = 0, nplaced = 0;
	struct rig rig;

	open_rig(&rig, &rng, 6000);
	rig_checkpoint(&rig, NULL);
	for (unsigned int i = 0; i < 40; i++) {
		struct rig_moment moment;
		uint64_t ticket;
		int ret;

		rig_write_random(&rig, &rng, 2000);
		options.pause_deadline_ns = UINT64_C(1) << i;
		ret = smudge_checkpointer_save(rig.cp, &options, &ticket, NULL);
		moment = rig_take_moment(&rig);
		assert_int_equal(rig.npauses, rig.nresumes);
		if (ret)
			assert_int_equal(ret, -ETIMEDOUT);
		else
			rig_check(&rig, ticket, &moment, NULL);
		ret ? nfailed++ : nplaced++;
		rig_free_moment(&moment);
	}
	assert_true(nfailed > 0 && nplaced > 0);
	rig_close(&rig);
}

/* A cancel is of the saves that have begun. */
static void a_cancel_before_a_save(void **state)
{
	struct test_rng rng = test_rng_start("before");
	struct rig rig;

	open_rig(&rig, &rng, 100);
	smudge_checkpointer_cancel(rig.cp);
	rig_checkpoint(&rig, NULL);
	rig_close(&rig);
}

TEST_MAIN(a_cancel_in_a_callback, a_full_save_that_is_cancelled,
	  cancels_at_any_time, deadlines, a_cancel_before_a_save)
