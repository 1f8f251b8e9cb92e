/* SPDX-License-Identifier: MIT */
/*
 * A machine whose checkpoints are steps of a fake.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobs_rig.h"

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

static bool reads_disk(void *opaque)
{
	struct rig *rig = opaque;

	return atomic_load(&rig->reads_disk);
}

void open_usual(struct rig *rig, const struct checkpoint_request *usual)
{
	struct checkpoint_request own =
		usual ? *usual : (struct checkpoint_request){0};
	const struct checkpoints_options options = {
		.machine = &rig->machine,
		.opaque = rig,
		.ended = ended,
		.reads_disk = reads_disk,
		.usual = usual ? &own : NULL,
		.end_fd = -1,
	};
	struct machine *machine = &rig->machine;

	memset(rig, 0, sizeof(*rig));
	fake_reset();
	make_folder(rig->one);
	make_folder(rig->other);
	if (!own.folder)
		own.folder = rig->one;
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

void open_rig(struct rig *rig)
{
	open_usual(rig, NULL);
}

void close_rig(struct rig *rig)
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

uint64_t take(struct rig *rig, const char *folder)
{
	const struct checkpoint_request request = {.folder = folder};
	struct smudge_error err = {0};
	uint64_t id = 0;

	if (checkpoints_take(rig->checkpoints, &request, &id, &err))
		fail_msg("%s", err.message);
	return id;
}

void refuse(struct rig *rig, const char *folder, int code, const char *sentence)
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

struct checkpoint_job look(struct rig *rig, uint64_t id)
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

struct checkpoint_job end_of(struct rig *rig, uint64_t id)
{
	struct checkpoint_job job = look(rig, id);

	while (!checkpoint_has_ended(job.status)) {
		usleep(100);
		job = look(rig, id);
	}
	assert_int_equal(machine_run_state(&rig->machine), MACHINE_RUNNING);
	return job;
}

void complete(struct rig *rig, const char *folder)
{
	struct checkpoint_job job = end_of(rig, take(rig, folder));

	if (job.status != CHECKPOINT_COMPLETED)
		fail_msg("%s", job.error.message);
}

uint64_t last_id(struct rig *rig)
{
	uint64_t id;

	checkpoints_lock(rig->checkpoints);
	id = checkpoints_last_id(rig->checkpoints);
	checkpoints_unlock(rig->checkpoints);
	return id;
}
