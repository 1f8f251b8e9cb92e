/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong with a process that is stopped for longer: calls in the
 * wrong order, in a child of fork, one that does not stop, one that is killed,
 * and what holds it is killed, or has no processor.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "other.h"
#include "proc_of.h"
#include "process/step.h"
#include "stand.h"
#include "support.h"

#define MAX_TRIES 20

static struct smudge_error err;

static void expect_error(int ret, int code, const char *words)
{
	assert_int_equal(ret, code);
	assert_int_equal(err.code, code);
	if (!strstr(err.message, words))
		fail_msg("\"%s\" does not say \"%s\"", err.message, words);
}

static void see(void *opaque, const struct smudge_process_thread *thread)
{
	++*(int *)opaque;
	assert_int_equal(thread->size, sizeof(*thread));
}

static void test_order(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct stand s;
	int n = 0;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	expect_error(smudge_process_continue(s.process, &err), -EINVAL,
		     "not stopped");
	expect_error(smudge_process_each_thread(s.process, see, &n, &err),
		     -EINVAL, "not stopped");
	stand_stop(&s);
	expect_error(smudge_process_stop(s.process, &err), -EALREADY,
		     "already");
	assert_int_equal(smudge_process_each_thread(s.process, see, &n, &err),
			 0);
	assert_int_equal(n, 1);
	stand_continue(&s);
	expect_error(smudge_process_continue(s.process, &err), -EINVAL,
		     "not stopped");
	stand_close(&s);
	other_end(pid);
}

static void test_fork(void **state)
{
	pid_t pid = other_start(NULL, NULL), child;
	int status = -1;
	struct stand s;
	int n = 0;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	stand_stop(&s);
	fflush(NULL);
	child = fork();
	if (!child)
		_exit(smudge_process_continue(s.process, NULL) != -EPERM ||
		      smudge_process_stop(s.process, NULL) != -EPERM ||
		      smudge_process_each_thread(s.process, see, &n, NULL) !=
			      -EPERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(proc_of_state(pid), 't');
	stand_continue(&s);
	stand_close(&s);
	other_end(pid);
}

static void test_has_ended(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct stand s;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	other_end(pid);
	expect_error(smudge_process_stop(s.process, &err), -ESRCH, "has ended");
	assert_true(stand_stats(&s).has_ended);
	stand_close(&s);
}

/* Its parent need not wait for us. */
static void test_killed(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct stand s;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	stand_stop(&s);
	other_end(pid);
	expect_error(smudge_process_harvest(s.process, &err), -ESRCH,
		     "has ended");
	expect_error(smudge_process_continue(s.process, &err), -ESRCH,
		     "was killed while it stood");
	stand_close(&s);
}

static void wait_until_untraced(pid_t pid)
{
	while (proc_of_tracer(pid, pid))
		usleep(100);
}

static void test_keeper_killed(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	struct stand s;
	int n = 0;

	test_need_uffd();
	stand_open(&s, pid, &stand_by_uffd);
	stand_stop(&s);
	kill(proc_of_tracer(pid, pid), SIGKILL);
	wait_until_untraced(pid);
	expect_error(smudge_process_each_thread(s.process, see, &n, &err), -EIO,
		     "was killed");
	expect_error(smudge_process_continue(s.process, &err), -EIO,
		     "was killed");
	stand_stop(&s);
	stand_continue(&s);
	stand_close(&s);
	other_end(pid);
}

/* Shared with the process. */
static struct vforking {
	_Atomic bool has_child, is_released;
} * vforking;

/* Its parent waits in the kernel, and does not stop. */
static void wait_for_child(int number)
{
	(void)number;
	if (vfork() == 0) {
		atomic_store(&vforking->has_child, true);
		while (!atomic_load(&vforking->is_released))
			usleep(1000);
		_exit(0);
	}
}

static bool vfork_later(void *opaque)
{
	(void)opaque;
	return signal(SIGUSR1, wait_for_child) != SIG_ERR;
}

static void test_vfork(void **state)
{
	struct smudge_process_options options = stand_by_uffd;
	struct stand s;
	pid_t pid;

	test_need_uffd();
	vforking = mmap(NULL, sizeof(*vforking), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vforking, MAP_FAILED);
	pid = other_start(vfork_later, NULL);
	options.stop_timeout_ms = 100;
	stand_open(&s, pid, &options);
	kill(pid, SIGUSR1);
	while (!atomic_load(&vforking->has_child) || proc_of_state(pid) != 'D')
		usleep(100);
	expect_error(smudge_process_stop(s.process, &err), -ETIMEDOUT, "vfork");
	assert_int_equal(proc_of_tracer(pid, pid), 0);
	atomic_store(&vforking->is_released, true);
	stand_close(&s);
	other_end(pid);
	munmap(vforking, sizeof(*vforking));
}

static const char *stalled_at;

static void stall(const char *step)
{
	if (strcmp(step, stalled_at) == 0)
		usleep(300000);
}

/* The process may have no processor either, but not each time. */
static void stop_when_stalled(struct stand *s, const char *at)
{
	int ret = -ETIMEDOUT;

	stalled_at = at;
	smi_step_hook = stall;
	for (int i = 0; i < MAX_TRIES && ret == -ETIMEDOUT; i++)
		ret = smudge_process_stop(s->process, &err);
	smi_step_hook = NULL;
	if (ret)
		fail_msg("%d: %s", ret, err.message);
	assert_int_equal(proc_of_state(s->pid), 't');
}

/* What stops it has no processor for longer than the process may take. */
static void test_stalled(void **state)
{
	struct smudge_process_options options = stand_by_uffd;
	pid_t pid = other_start(NULL, NULL);
	struct stand s;

	test_need_uffd();
	options.stop_timeout_ms = 100;
	stand_open(&s, pid, &options);
	stop_when_stalled(&s, "begun");
	stand_continue(&s);
	stop_when_stalled(&s, "interrupted");
	stand_continue(&s);
	stand_close(&s);
	other_end(pid);
}

TEST_MAIN(test_order, test_fork, test_has_ended, test_killed,
	  test_keeper_killed, test_vfork, test_stalled)
