/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints that are due by themselves, what follows them, and disks that
 * they are kept from.
 */
#include "support.h"

#include <errno.h>
#include <unistd.h>

#include "jobs_rig.h"

static void test_periodic_ones(void **state)
{
	const struct checkpoint_request usual = {.keep.daily = 2};
	struct rig rig;
	uint64_t id;

	open_usual(&rig, &usual);
	assert_int_equal(checkpoints_begin(rig.checkpoints, 1000000, NULL), 0);
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

/* What the fake disk would be is never connected to. */
#define URI "nbd://[::1]:1/x"

static void test_disks_that_are_refused(void **state)
{
	const struct checkpoint_request usual = {
		.folder = URI,
		.on_commit = "true",
		.store_deadline_ns = 7,
	};
	struct rig rig;

	open_rig(&rig);
	refuse(&rig, URI, -EINVAL, "have its engine take a snapshot");
	refuse(&rig, "s3://x", -EINVAL, "of URIs there are");
	close_rig(&rig);
	open_usual(&rig, &usual);
	atomic_store(&rig.reads_disk, true);
	refuse(&rig, URI, -EBUSY, "memory still comes in from a disk");
	refuse(&rig, URI "/other", -EBUSY, "memory still comes in");
	(void)end_of(&rig, take(&rig, rig.one));
	atomic_store(&rig.reads_disk, false);
	refuse(&rig, URI "/other", -EINVAL, "have its engine take a snapshot");
	close_rig(&rig);
}

/* Those of a series are left out meanwhile. */
static void test_a_series_waits_for_memory(void **state)
{
	const struct checkpoint_request usual = {.folder = URI,
						 .on_commit = "true"};
	struct rig rig;

	open_usual(&rig, &usual);
	atomic_store(&rig.reads_disk, true);
	assert_int_equal(checkpoints_begin(rig.checkpoints, 1000000, NULL), 0);
	usleep(20000);
	assert_int_equal(last_id(&rig), 0);
	atomic_store(&rig.reads_disk, false);
	while (!last_id(&rig))
		usleep(100);
	close_rig(&rig);
}

/* Into the usual folder, where a request says nothing of it. */
static void test_what_usually_follows(void **state)
{
	const struct checkpoint_request usual = {
		.on_commit = "true",
		.store_deadline_ns = 7,
		.keep.last = 3,
	};
	struct checkpoint_request request = {.on_commit = "false"};
	struct checkpoint_job job;
	struct rig rig;
	uint64_t id;

	open_usual(&rig, &usual);
	request.folder = rig.one;
	job = end_of(&rig, take(&rig, rig.one));
	assert_int_equal(job.request.store_deadline_ns, 7);
	assert_false(checkpoint_keep_is_any(&job.request.keep));
	job = end_of(&rig, take(&rig, NULL));
	assert_int_equal(job.request.store_deadline_ns, 7);
	assert_int_equal(checkpoints_take(rig.checkpoints, &request, &id, NULL),
			 0);
	job = end_of(&rig, id);
	assert_int_equal(job.request.store_deadline_ns, 0);
	job = end_of(&rig, take(&rig, rig.other));
	assert_int_equal(job.request.store_deadline_ns, 0);
	close_rig(&rig);
}

TEST_MAIN(test_periodic_ones, test_disks_that_are_refused,
	  test_a_series_waits_for_memory, test_what_usually_follows)
