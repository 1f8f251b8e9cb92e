/* SPDX-License-Identifier: MIT */
/*
 * Jobs: each ends, as what it was told to be, whatever step it is in when
 * something else happens; and the guest runs afterwards if it ran before.
 */
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "fake_library.h"
#include "machine/internal.h"

struct rig {
	struct machine machine; /* without vCPUs */
	struct checkpoints *checkpoints;
	char one[32], other[32]; /* folders */
	atomic_uint nended;
};

static void ended(void *opaque, const struct checkpoint_job *job)
{
	struct rig *rig = opaque;

	assert_true(checkpoint_has_ended(job->status));
	atomic_fetch_add(&rig->nended, 1);
}

static void make_folder(char folder[32])
{
	strcpy(folder, "/tmp/smudge-jobs-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static void open_rig(struct rig *rig)
{
	const struct checkpoints_options options = {&rig->machine, rig, ended};
	struct machine *machine = &rig->machine;

	memset(rig, 0, sizeof(*rig));
	fake_reset();
	make_folder(rig->one);
	make_folder(rig->other);
	pthread_mutex_init(&machine->lock, NULL);
	pthread_mutex_init(&machine->listener_lock, NULL);
	pthread_mutex_init(&machine->control.lock, NULL);
	pthread_mutex_init(&machine->devices.lock, NULL);
	pthread_cond_init(&machine->control.released, NULL);
	pthread_cond_init(&machine->entered_or_left, NULL);
	machine->state = MACHINE_RUNNING;
	assert_int_equal(checkpoints_create(&options, &rig->checkpoints, NULL),
			 0);
}

static void close_rig(struct rig *rig)
{
	struct machine *machine = &rig->machine;
	struct fake_counts counts;

	checkpoints_destroy(rig->checkpoints);
	counts = fake_counts();
	assert_int_equal(counts.open, 0);
	pthread_cond_destroy(&machine->entered_or_left);
	pthread_cond_destroy(&machine->control.released);
	pthread_mutex_destroy(&machine->devices.lock);
	pthread_mutex_destroy(&machine->control.lock);
	pthread_mutex_destroy(&machine->listener_lock);
	pthread_mutex_destroy(&machine->lock);
	rmdir(rig->one);
	rmdir(rig->other);
}

static uint64_t take(struct rig *rig, const char *folder)
{
	const struct checkpoint_request request = {.folder = folder};
	struct smudge_error err = {0};
	uint64_t id = 0;

	if (checkpoints_take(rig->checkpoints, &request, &id, &err))
		fail_msg("%s", err.message);
	return id;
}

static void refuse(struct rig *rig, const char *folder, int code,
		   const char *sentence)
{
	const struct checkpoint_request request = {.folder = folder};
	struct smudge_error err = {0};
	uint64_t id = 99;

	assert_int_equal(
		checkpoints_take(rig->checkpoints, &request, &id, &err), code);
	assert_int_equal(id, 99);
	if (!strstr(err.message, sentence))
		fail_msg("%s", err.message);
}

static struct checkpoint_job look(struct rig *rig, uint64_t id)
{
	const struct checkpoint_job *job;
	struct checkpoint_job copy;

	checkpoints_lock(rig->checkpoints);
	job = checkpoints_find(rig->checkpoints, id);
	assert_non_null(job);
	copy = *job;
	checkpoints_unlock(rig->checkpoints);
	return copy;
}

static struct checkpoint_job end_of(struct rig *rig, uint64_t id)
{
	struct checkpoint_job job = look(rig, id);

	while (!checkpoint_has_ended(job.status)) {
		usleep(100);
		job = look(rig, id);
	}
	assert_int_equal(machine_run_state(&rig->machine), MACHINE_RUNNING);
	return job;
}

static void complete(struct rig *rig, const char *folder)
{
	struct checkpoint_job job = end_of(rig, take(rig, folder));

	if (job.status != CHECKPOINT_COMPLETED)
		fail_msg("%s", job.error.message);
}

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

static void test_cancelled_at_each_step(void **state)
{
	for (int step = 0; step < FAKE_NSTEPS; step++) {
		struct rig rig;
		uint64_t id;

		open_rig(&rig);
		fake_stop_at(step);
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

static uint64_t last_id(struct rig *rig)
{
	uint64_t id;

	checkpoints_lock(rig->checkpoints);
	id = checkpoints_last_id(rig->checkpoints);
	checkpoints_unlock(rig->checkpoints);
	return id;
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

static void test_periodic_ones(void **state)
{
	const struct checkpoint_keep keep = {.daily = 2};
	struct rig rig;
	uint64_t id;

	open_rig(&rig);
	assert_int_equal(checkpoints_begin(rig.checkpoints, rig.one, 1000000,
					   &keep, NULL),
			 0);
	while (last_id(&rig) < 2 * CHECKPOINT_HISTORY)
		usleep(100);
	checkpoints_lock(rig.checkpoints);
	assert_null(checkpoints_find(rig.checkpoints, 1));
	id = checkpoints_last_id(rig.checkpoints);
	assert_true(checkpoints_find(rig.checkpoints, id)->is_periodic);
	checkpoints_unlock(rig.checkpoints);
	/* none while it does not run */
	assert_int_equal(run_control_stop(&rig.machine, NULL), 0);
	usleep(20000);
	id = last_id(&rig);
	usleep(20000);
	assert_int_equal(last_id(&rig), id);
	assert_int_equal(run_control_cont(&rig.machine, NULL), 0);
	while (last_id(&rig) == id)
		usleep(100);
	close_rig(&rig);
}

TEST_MAIN(test_steps_of_a_job, test_cancelled_at_each_step,
	  test_ended_at_each_step, test_failed_at_each_step, test_one_waits,
	  test_folders, test_where_the_guest_is_not, test_pruning,
	  test_periodic_ones)
