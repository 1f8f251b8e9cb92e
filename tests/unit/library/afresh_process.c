/* SPDX-License-Identifier: MIT */
/*
 * The calls of errors_begin_afresh for a process, with a child that waits; each
 * fails once it has ended.
 */
#include "afresh_calls.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <smudge/process.h>

#include "support.h"

struct tracked {
	pid_t pid;
	struct smudge_memory *memory;
	struct smudge_process *process;
};

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(struct tracked *t)
{
	siginfo_t info;

	kill(t->pid, SIGKILL);
	/* It stays a zombie, and keeps its number. */
	assert_int_equal(waitid(P_PID, (id_t)t->pid, &info, WEXITED | WNOWAIT),
			 0);
}

static void close_tracked(struct tracked *t)
{
	assert_int_equal(smudge_process_close(t->process, NULL), 0);
	assert_int_equal(smudge_memory_destroy(t->memory, NULL), 0);
	end_child(t);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
}

/* False: a process cannot be tracked here. */
static bool open_tracked(struct tracked *t, struct smudge_error *err)
{
	*t = (struct tracked){.pid = start_child()};
	assert_true(t->pid > 0);
	assert_int_equal(smudge_memory_create(&t->memory), 0);
	if (smudge_process_open(t->memory, t->pid, NULL, &t->process, err) == 0)
		return true;
	close_tracked(t);
	return false;
}

int afresh_process_open(bool fails, struct smudge_error *err)
{
	const struct smudge_process_options wrong = {.size = sizeof(wrong),
						     .select = 77};
	struct tracked t;

	if (fails) {
		assert_int_equal(smudge_memory_create(&t.memory), 0);
		int ret = smudge_process_open(t.memory, 1, &wrong, &t.process,
					      err);

		assert_int_equal(smudge_memory_destroy(t.memory, NULL), 0);
		return ret;
	}
	if (!open_tracked(&t, err))
		return AFRESH_SKIP;
	close_tracked(&t);
	return 0;
}

static int call(bool fails, struct smudge_error *err,
		int (*harvest)(struct smudge_process *process,
			       struct smudge_error *err))
{
	struct tracked t;
	int ret;

	if (!open_tracked(&t, NULL))
		return AFRESH_SKIP;
	if (fails)
		end_child(&t);
	ret = harvest(t.process, err);
	close_tracked(&t);
	return ret;
}

int afresh_process_harvest(bool fails, struct smudge_error *err)
{
	return call(fails, err, smudge_process_harvest);
}

int afresh_process_harvest_quiesced(bool fails, struct smudge_error *err)
{
	return call(fails, err, smudge_process_harvest_quiesced);
}

int afresh_process_look(bool fails, struct smudge_error *err)
{
	return call(fails, err, smudge_process_look);
}

static void see_writer(void *opaque, const struct smudge_process_writer *writer)
{
	(*(int *)opaque)++;
}

static int each_writer(struct smudge_process *process, struct smudge_error *err)
{
	int nwriters = 0;
	int ret =
		smudge_process_each_writer(process, see_writer, &nwriters, err);

	/* Processes that may not be read are counted. */
	return ret > 0 ? 0 : ret;
}

int afresh_process_each_writer(bool fails, struct smudge_error *err)
{
	return call(fails, err, each_writer);
}

int afresh_process_stop(bool fails, struct smudge_error *err)
{
	return call(fails, err, smudge_process_stop);
}

/* It stands; a call that fails finds that it does not. */
static int call_standing(bool fails, struct smudge_error *err,
			 int (*standing)(struct smudge_process *process,
					 struct smudge_error *err))
{
	struct tracked t;
	int ret;

	if (!open_tracked(&t, NULL))
		return AFRESH_SKIP;
	if (!fails)
		assert_int_equal(smudge_process_stop(t.process, NULL), 0);
	ret = standing(t.process, err);
	close_tracked(&t);
	return ret;
}

int afresh_process_continue(bool fails, struct smudge_error *err)
{
	return call_standing(fails, err, smudge_process_continue);
}

static void see_thread(void *opaque, const struct smudge_process_thread *thread)
{
	(*(int *)opaque)++;
}

static int each_thread(struct smudge_process *process, struct smudge_error *err)
{
	int nthreads = 0;

	return smudge_process_each_thread(process, see_thread, &nthreads, err);
}

int afresh_process_each_thread(bool fails, struct smudge_error *err)
{
	return call_standing(fails, err, each_thread);
}

int afresh_process_close(bool fails, struct smudge_error *err)
{
	struct smudge_region *region;
	struct tracked t;
	int ret;

	if (!open_tracked(&t, NULL))
		return AFRESH_SKIP;
	if (fails) {
		assert_true(smudge_memory_hold_regions(t.memory, &region, 1) >
			    0);
		ret = smudge_process_close(t.process, err);
		smudge_region_release(region);
	} else {
		ret = smudge_process_close(t.process, err);
		t.process = NULL;
	}
	close_tracked(&t);
	return ret;
}
