/* SPDX-License-Identifier: MIT */
/*
 * Processes that change before, while and after they stand: stopped by signals,
 * one that executes program after program; and a tracker that executes another
 * program itself.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "other.h"
#include "proc_of.h"
#include "stand.h"
#include "support.h"

#define MAX_PROGRAMS 10

static void wait_for_state(pid_t pid, char state)
{
	while (proc_of_state(pid) != state)
		usleep(100);
}

static void expect_sigstop(void *opaque,
			   const struct smudge_process_thread *thread)
{
	const siginfo_t *info = thread->siginfo;

	++*(int *)opaque;
	assert_int_equal(thread->siginfo_bytes, sizeof(*info));
	assert_int_equal(info->si_signo, SIGSTOP);
}

/* A process that a signal stopped stays so, and says that it was. */
static void test_stopped_before(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct smudge_error err;
	struct stand s;
	int n = 0;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	kill(pid, SIGSTOP);
	wait_for_state(pid, 'T');
	for (int i = 0; i < 20; i++) {
		stand_stop(&s);
		assert_int_equal(smudge_process_each_thread(
					 s.process, expect_sigstop, &n, &err),
				 0);
		stand_harvest(&s);
		stand_continue(&s);
		wait_for_state(pid, 'T');
	}
	assert_int_equal(n, 20);
	kill(pid, SIGCONT);
	wait_for_state(pid, 'S');
	stand_close(&s);
	other_end(pid);
}

/* What is sent while it stands acts when it runs. */
static void test_signals_meanwhile(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct stand s;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	for (int i = 0; i < 20; i++) {
		stand_stop(&s);
		kill(pid, SIGSTOP);
		usleep(500);
		assert_int_equal(proc_of_state(pid), 't');
		stand_continue(&s);
		wait_for_state(pid, 'T');
		stand_stop(&s);
		kill(pid, SIGCONT);
		usleep(500);
		assert_int_equal(proc_of_state(pid), 't');
		stand_continue(&s);
		wait_for_state(pid, 'S');
	}
	stand_close(&s);
	other_end(pid);
}

static _Atomic unsigned int *nhandled;

static void count(int number)
{
	(void)number;
	atomic_fetch_add(nhandled, 1);
}

static bool handle(void *opaque)
{
	return signal(SIGRTMIN, count) != SIG_ERR;
}

/* None is lost, none is handled while it stands. */
static void test_handler(void **state)
{
	struct stand s;
	pid_t pid;

	test_need_uffd();
	nhandled = mmap(NULL, sizeof(*nhandled), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(nhandled, MAP_FAILED);
	pid = other_start(handle, NULL);
	stand_open(&s, pid, &stand_by_uffd);
	for (unsigned int i = 0; i < 50; i++) {
		stand_stop(&s);
		kill(pid, SIGRTMIN);
		usleep(300);
		assert_int_equal(atomic_load(nhandled), i);
		stand_continue(&s);
		while (atomic_load(nhandled) == i)
			usleep(100);
	}
	stand_close(&s);
	other_end(pid);
	munmap(nhandled, sizeof(*nhandled));
}

static pid_t start_executing(const char *times, const char *pause_us)
{
	char path[PATH_MAX];
	pid_t pid;

	test_beside("target_exec", path);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, times, pause_us, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void see(void *opaque, const struct smudge_process_thread *thread)
{
	(void)thread;
	++*(unsigned int *)opaque;
}

/* While it stands it executes nothing, and its regions are the program's. */
static void harvest_it(struct smudge_process *process)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	unsigned int nthreads = 0;
	int ret = smudge_process_each_thread(process, see, &nthreads, &err);

	if (!ret)
		ret = smudge_process_harvest_quiesced(process, &err);
	if (ret)
		fail_msg("%d: %s", ret, err.message);
	assert_true(nthreads > 0);
}

/* In the midst of an exec it has no memory for a moment. Return: was it opened
 * before it ended? */
static bool open_executing(struct stand *s)
{
	int ret = -ESRCH;

	*s = (struct stand){.pid = start_executing("100", "10000")};
	assert_int_equal(smudge_memory_create(&s->memory), 0);
	while (ret && !other_has_ended(s->pid)) {
		usleep(1000);
		ret = smudge_process_open(s->memory, s->pid, &stand_by_uffd,
					  &s->process, NULL);
	}
	return ret == 0;
}

static bool is_allowed(int code)
{
	/* It ends; or is attached to at a moment at which it cannot be. */
	return code == -ESRCH || code == -EAGAIN || code == -EBUSY;
}

/* Return: how often it stood. */
static unsigned int stop_until_it_ends(struct stand *s)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	unsigned int nstops = 0;

	do {
		int ret = smudge_process_stop(s->process, &err);

		if (ret && !is_allowed(ret))
			fail_msg("%d: %s", ret, err.message);
		if (!ret) {
			nstops++;
			harvest_it(s->process);
			ret = smudge_process_continue(s->process, &err);
			assert_int_equal(ret, 0);
		}
	} while (!other_has_ended(s->pid));
	return nstops;
}

/* Return: has it stood, and was an exec of it seen? */
static bool stop_executing(void)
{
	bool is_open, is_seen = false;
	struct stand s;
	int status;

	is_open = open_executing(&s);
	if (is_open) {
		unsigned int nstops = stop_until_it_ends(&s);
		uint64_t nexecs = stand_stats(&s).execs;

		fprintf(stderr, "# %u stops, %u execs\n", nstops,
			(unsigned int)nexecs);
		is_seen = nstops > 0 && nexecs > 0;
	}
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	assert_int_equal(status, 7 << 8);
	if (is_open)
		stand_close(&s);
	else
		assert_int_equal(smudge_memory_destroy(s.memory, NULL), 0);
	return is_seen;
}

/* A busy machine may let it end before it stands: then another one. */
static void test_exec(void **state)
{
	bool is_seen = false;

	test_need_uffd();
	for (int i = 0; i < MAX_PROGRAMS && !is_seen; i++)
		is_seen = stop_executing();
	assert_true(is_seen);
}

static bool executes(pid_t pid, const char *program)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
	return !strcmp(name, program);
}

static void stop_and_execute(pid_t pid)
{
	struct stand s;

	stand_open(&s, pid, &stand_by_uffd);
	stand_stop(&s);
	execl("/bin/sleep", "/bin/sleep", "100", (char *)NULL);
	_exit(127);
}

/* Nothing of the tracker is left that could let it run. */
static void test_tracker_executes(void **state)
{
	pid_t pid = other_start(NULL, NULL), tracker;
	int status;

	test_need_uffd();
	fflush(NULL);
	tracker = fork();
	assert_true(tracker >= 0);
	if (!tracker)
		stop_and_execute(pid);
	while (!executes(tracker, "sleep")) {
		assert_int_not_equal(proc_of_state(tracker), 'Z');
		usleep(100);
	}
	while (proc_of_tracer(pid, pid))
		usleep(100);
	wait_for_state(pid, 'S');
	assert_int_equal(waitpid(tracker, &status, WNOHANG), 0);
	other_end(tracker);
	other_end(pid);
}

TEST_MAIN(test_stopped_before, test_signals_meanwhile, test_handler, test_exec,
	  test_tracker_executes)
