/* SPDX-License-Identifier: MIT */
/*
 * Jobs: each ends, as what it was told to be, whatever step it is in when
 * something else happens; and the guest runs afterwards if it ran before.
 */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jobs_rig.h"

static void test_steps_of_a_job(void **state)
{
	static const struct {
		enum fake_step step;
		enum checkpoint_status status;
		enum machine_run_state machine;
	} steps[] = {
		{FAKE_CREATE, CHECKPOINT_COPYING, MACHINE_RUNNING},
		{FAKE_ENTRY, CHECKPOINT_COPYING, MACHINE_RUNNING},
		{FAKE_PAUSED, CHECKPOINT_COPYING, MACHINE_SAVE_VM},
		{FAKE_COPIED, CHECKPOINT_COPYING, MACHINE_RUNNING},
		{FAKE_WAIT, CHECKPOINT_WRITING, MACHINE_RUNNING},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct checkpoint_job job;
		struct rig rig;
		uint64_t id;

		open_rig(&rig);
		fake_stop_at(steps[i].step);
		id = take(&rig, rig.one);
		fake_await(steps[i].step);
		job = look(&rig, id);
		assert_int_equal(job.status, steps[i].status);
		assert_string_equal(job.folder, rig.one);
		assert_int_equal(machine_run_state(&rig.machine),
				 steps[i].machine);
		fake_go_on();
		job = end_of(&rig, id);
		assert_int_equal(job.status, CHECKPOINT_COMPLETED);
		assert_int_equal(job.layer.number, 1);
		assert_int_equal(job.pages, 5);
		assert_int_equal(fake_counts().blob_bytes, 12);
		close_rig(&rig);
		assert_int_equal(atomic_load(&rig.nended), 1);
	}
}

/* @code: what the step fails by after it was cancelled, or 0. */
static void cancel_at_each_step(int code)
{
	for (int step = 0; step < FAKE_NSTEPS; step++) {
		struct rig rig;
		uint64_t id;

		open_rig(&rig);
		fake_stop_at(step);
		fake_fail(step, code);
		id = take(&rig, rig.one);
		fake_await(step);
		assert_int_equal(checkpoints_cancel(rig.checkpoints, id, NULL),
				 0);
		fake_go_on();
		assert_int_equal(end_of(&rig, id).status, CHECKPOINT_CANCELLED);
		assert_int_equal(checkpoints_cancel(rig.checkpoints, id, NULL),
				 -ENOENT);
		complete(&rig, rig.one);
		close_rig(&rig);
	}
}

static void test_cancelled_at_each_step(void **state)
{
	cancel_at_each_step(0);
}

/* As where the guest's memory is lost: all that reads it fails meanwhile. */
static void test_fails_when_cancelled(void **state)
{
	cancel_at_each_step(-EPERM);
}

static void *go_on_later(void *opaque)
{
	usleep(20000);
	fake_go_on();
	return NULL;
}

static void test_ended_at_each_step(void **state)
{
	for (int step = 0; step < FAKE_NSTEPS; step++) {
		struct checkpoint_job job;
		struct rig rig;
		pthread_t thread;
		uint64_t id, waiting;

		open_rig(&rig);
		fake_stop_at(step);
		id = take(&rig, rig.one);
		fake_await(step);
		waiting = take(&rig, rig.one);
		assert_int_equal(
			pthread_create(&thread, NULL, go_on_later, NULL), 0);
		checkpoints_end(rig.checkpoints);
		pthread_join(thread, NULL);
		job = look(&rig, id);
		assert_int_equal(job.status, CHECKPOINT_CANCELLED);
		assert_int_equal(look(&rig, waiting).status,
				 CHECKPOINT_CANCELLED);
		assert_int_equal(machine_run_state(&rig.machine),
				 MACHINE_RUNNING);
		refuse(&rig, rig.one, -ESHUTDOWN, "ending");
		close_rig(&rig);
	}
}

static void test_failed_at_each_step(void **state)
{
	for (int step = 0; step < FAKE_NSTEPS; step++) {
		struct checkpoint_job job;
		struct rig rig;

		open_rig(&rig);
		fake_fail(step, -ENOSPC);
		job = end_of(&rig, take(&rig, rig.one));
		assert_int_equal(job.status, CHECKPOINT_FAILED);
		assert_int_equal(job.error.code, -ENOSPC);
		complete(&rig, rig.one);
		close_rig(&rig);
	}
}

static void test_one_waits(void **state)
{
	struct rig rig;
	uint64_t first, second;

	open_rig(&rig);
	fake_stop_at(FAKE_WAIT);
	first = take(&rig, rig.one);
	fake_await(FAKE_WAIT);
	second = take(&rig, rig.other);
	assert_int_equal(look(&rig, second).status, CHECKPOINT_WAITING);
	refuse(&rig, rig.one, -EBUSY, "another checkpoint waits");
	/* the one that waits, and not the one before it */
	assert_int_equal(checkpoints_cancel(rig.checkpoints, second, NULL), 0);
	fake_go_on();
	assert_int_equal(end_of(&rig, first).status, CHECKPOINT_COMPLETED);
	assert_int_equal(end_of(&rig, second).status, CHECKPOINT_CANCELLED);
	assert_int_equal(fake_counts().saves, 1);
	close_rig(&rig);
}

static void test_folders(void **state)
{
	struct rig rig;

	open_rig(&rig);
	refuse(&rig, NULL, -EINVAL, "no folder is open");
	complete(&rig, rig.one);
	complete(&rig, rig.one);
	complete(&rig, NULL);
	assert_int_equal(fake_counts().creates, 1);
	/* what cannot be opened leaves the open one */
	fake_fail(FAKE_CREATE, -EACCES);
	assert_int_equal(end_of(&rig, take(&rig, rig.other)).status,
			 CHECKPOINT_FAILED);
	complete(&rig, NULL);
	assert_int_equal(fake_counts().creates, 1);
	complete(&rig, rig.other);
	assert_int_equal(fake_counts().creates, 2);
	assert_int_equal(fake_counts().open, 1);
	assert_int_equal(fake_counts().most_open, 2);
	/* another folder of the same name */
	assert_int_equal(rmdir(rig.other), 0);
	complete(&rig, rig.other);
	assert_int_equal(fake_counts().creates, 3);
	close_rig(&rig);
}

static void test_where_the_guest_is_not(void **state)
{
	struct rig rig;

	open_rig(&rig);
	rig.machine.control.place = GUEST_AWAY;
	refuse(&rig, rig.one, -EPERM, "migrated away");
	rig.machine.control.place = GUEST_HERE;
	rig.machine.state = MACHINE_INMIGRATE;
	refuse(&rig, rig.one, -EBUSY, "not arrived");
	rig.machine.state = MACHINE_SHUTDOWN;
	refuse(&rig, rig.one, -EINVAL, "has ended");
	rig.machine.state = MACHINE_RUNNING;
	complete(&rig, rig.one);
	close_rig(&rig);
}

static unsigned int wait_for_prunes(unsigned int more_than)
{
	while (fake_counts().prunes <= more_than)
		usleep(100);
	return fake_counts().prunes;
}

/* After a layer that is in place; what fails there fails nothing. */
static void test_pruning(void **state)
{
	struct checkpoint_request request = {.folder = "x"};
	struct rig rig;
	unsigned int n;
	uint64_t id;

	open_rig(&rig);
	request.folder = rig.one;
	assert_int_equal(checkpoints_take(rig.checkpoints, &request, &id, NULL),
			 0);
	(void)end_of(&rig, id);
	assert_int_equal(fake_counts().prunes, 0);
	request.keep.last = 7;
	fake_fail(FAKE_PRUNE, -EBADMSG);
	assert_int_equal(checkpoints_take(rig.checkpoints, &request, &id, NULL),
			 0);
	(void)end_of(&rig, id);
	n = wait_for_prunes(0);
	assert_int_equal(fake_counts().keep_last, 7);
	/* The next one does not wait for it. */
	fake_stop_at(FAKE_PRUNE);
	assert_int_equal(checkpoints_take(rig.checkpoints, &request, &id, NULL),
			 0);
	(void)end_of(&rig, id);
	fake_await(FAKE_PRUNE);
	assert_int_equal(checkpoints_take(rig.checkpoints, &request, &id, NULL),
			 0);
	(void)end_of(&rig, id);
	assert_int_equal(fake_counts().prunes, n);
	fake_go_on();
	wait_for_prunes(n);
	close_rig(&rig);
}

TEST_MAIN(test_steps_of_a_job, test_cancelled_at_each_step,
	  test_fails_when_cancelled, test_ended_at_each_step,
	  test_failed_at_each_step, test_one_waits, test_folders,
	  test_where_the_guest_is_not, test_pruning)
