/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of a save fails in turn, on the program's thread and on the
 * one that writes: the save fails, and the next one has everything.
 */
#include <errno.h>
#include <string.h>

#include "fail_memory.h"
#include "fail_writes.h"
#include "rig.h"

static void open_rig(struct rig *rig, struct test_rng *rng)
{
	rig_open(rig, "memory");
	rig_add(rig, "ram", 0, 2000, 2000);
	rig_add(rig, "high", 1 << 30, 500, 500);
	rig_write_random(rig, rng, 500);
	rig->options.nthreads = 1;
	rig_create(rig);
	rig_checkpoint(rig, NULL);
}

/* Return: did the @n-th allocation fail? */
static bool save_fails(struct rig *rig, struct test_rng *rng, unsigned int n,
		       bool is_full)
{
	const struct smudge_save_options options = {.size = sizeof(options),
						    .is_full = is_full,
						    .look_ahead = n % 2};
	struct smudge_error err;
	bool has_failed;
	uint64_t ticket;
	int ret;

	rig_write_random(rig, rng, 200);
	fail_memory_at(n);
	ret = smudge_checkpointer_save(rig->cp, &options, &ticket, &err);
	fail_memory_off();
	has_failed = fail_memory_has_failed();
	if (ret) {
		assert_true(has_failed);
		assert_int_equal(ret, -ENOMEM);
		assert_int_not_equal(err.message[0], 0);
	} else { /* also if a chunk could not be populated before the pause */
		struct rig_moment moment = rig_take_moment(rig);

		rig_check(rig, ticket, &moment, NULL);
		rig_free_moment(&moment);
	}
	rig_checkpoint(rig, NULL);
	return has_failed;
}

static void on_the_programs_thread(void **state)
{
	struct test_rng rng = test_rng_start("program");
	struct rig rig;
	unsigned int n = 1;

	open_rig(&rig, &rng);
	while (save_fails(&rig, &rng, n, n % 3 == 0))
		n++;
	print_message("# %u allocations failed\n", n - 1);
	assert_true(n > 5);
	rig_close(&rig);
}

static unsigned int failing;

/* It runs on the writing thread, whose next attempt it spoils. */
static int spoil(struct rig *rig, const char *callback)
{
	if (!strcmp(callback, "store_full"))
		fail_memory_at(failing);
	return 0;
}

/* The result is there, so the thread is behind the attempt. */
static bool layer_fails(struct rig *rig, struct test_rng *rng, unsigned int n)
{
	struct smudge_error err;
	struct rig_moment moment;
	uint64_t ticket;
	int ret;

	failing = n;
	rig_write_random(rig, rng, 200);
	fail_writes_at(FAIL_WRITE_PWRITEV, 1, 1, ENOSPC);
	ticket = rig_save(rig);
	moment = rig_take_moment(rig);
	ret = smudge_checkpointer_wait(rig->cp, ticket, NULL, &err);
	fail_writes_at(FAIL_WRITE_PWRITEV, 0, 0, 0);
	if (ret) {
		assert_int_equal(ret, -ENOMEM);
		assert_int_not_equal(err.message[0], 0);
	} else {
		rig_check(rig, ticket, &moment, NULL);
	}
	rig_free_moment(&moment);
	if (ret) /* else the next attempt would fail */
		rig_checkpoint(rig, NULL);
	return ret;
}

static void on_the_writing_thread(void **state)
{
	struct test_rng rng = test_rng_start("writer");
	struct rig rig;
	unsigned int n = 1;

	open_rig(&rig, &rng);
	rig.hook = spoil;
	while (layer_fails(&rig, &rng, n))
		n++;
	print_message("# %u allocations failed\n", n - 1);
	assert_true(n > 5);
	rig_close(&rig);
}

TEST_MAIN(on_the_programs_thread, on_the_writing_thread)
