/* SPDX-License-Identifier: MIT */
/*
 * Processes that change while they are attached to: that are stopped, receive
 * signals, execute another program, end, or wait for a child of
 * vfork.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "beside.h"
#include "other.h"
#include "proc_of.h"
#include "process/step.h"
#include "sentence.h"
#include "support.h"
#include "tracker.h"

#define TIMEOUT_MS 20000

static void expect_attached(pid_t pid)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = tracker_attach(pid, TIMEOUT_MS, &err);

	if (ret)
		fail_msg("%d: %s", ret, err.message);
}

static void test_stopped(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	int status;

	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	for (unsigned int i = 0; i < 20; i++) {
		expect_attached(pid);
		while (proc_of_state(pid) == 'R')
			usleep(100); /* it is stopped once more */
		assert_int_equal(proc_of_state(pid), 'T');
	}
	kill(pid, SIGCONT);
	while (proc_of_state(pid) != 'S')
		usleep(100);
	other_end(pid);
}

static struct {
	pid_t pid;
	int signal;
	unsigned int at, nsteps;
} sending;

static void send_signal(const char *step)
{
	if (sending.nsteps++ == sending.at)
		kill(sending.pid, sending.signal);
}

/* Return: was there a step @at? */
static bool attach_and_send(pid_t pid, int signal, unsigned int at)
{
	sending.pid = pid;
	sending.signal = signal;
	sending.at = at;
	sending.nsteps = 0;
	smi_step_hook = send_signal;
	expect_attached(pid);
	smi_step_hook = NULL;
	return sending.nsteps > at;
}

/* A process that is stopped by a signal at any step is stopped afterwards. */
static void test_stop_signal(void **state)
{
	pid_t pid = other_start(NULL, NULL);
	unsigned int at = 0;
	int status;

	while (attach_and_send(pid, SIGSTOP, at++)) {
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		kill(pid, SIGCONT);
		while (proc_of_state(pid) != 'S')
			usleep(100);
	}
	assert_true(at > 10);
	kill(pid, SIGCONT);
	other_end(pid);
}

static _Atomic uint64_t *nhandled;

static void count(int number)
{
	(void)number;
	atomic_fetch_add(nhandled, 1);
}

static bool handle(void *opaque)
{
	return signal(SIGRTMIN, count) != SIG_ERR;
}

/* None is lost, and none comes twice. */
static void test_handled_signal(void **state)
{
	unsigned int at = 0;
	pid_t pid;

	nhandled = mmap(NULL, sizeof(*nhandled), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = other_start(handle, NULL);
	while (attach_and_send(pid, SIGRTMIN, at)) {
		at++;
		while (atomic_load(nhandled) < at)
			usleep(100);
	}
	assert_true(at > 10);
	expect_attached(pid);
	assert_int_equal(atomic_load(nhandled), at);
	other_end(pid);
	munmap((void *)nhandled, sizeof(*nhandled));
}

static pid_t start_program(const char *name, const char *argument)
{
	char path[PATH_MAX];
	pid_t pid;

	test_beside(name, path);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, argument, NULL);
		_exit(127);
	}
	return pid;
}

static void expect_ends_with(pid_t pid, int exit_status)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), exit_status);
}

/* Errors of a process that is ending are allowed, others are not. */
static void attach_while_it_lives(pid_t pid, unsigned int *nattached)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	int ret = tracker_attach(pid, TIMEOUT_MS, &err);

	if (!ret)
		(*nattached)++;
	else if (ret != -ESRCH)
		fail_msg("%d: %s", ret, err.message);
}

/* A busy machine may let it end before anything attaches: then another one. */
static void test_exec(void **state)
{
	unsigned int nattached = 0;
	char ntimes[16];

	snprintf(ntimes, sizeof(ntimes), "%u", test_rounds(200));
	while (!nattached) {
		pid_t pid = start_program("target_exec", ntimes);

		while (!other_has_ended(pid))
			attach_while_it_lives(pid, &nattached);
		expect_ends_with(pid, 7);
	}
}

static void *sleep_long(void *opaque)
{
	sleep(100);
	return opaque;
}

static void live_shortly(void)
{
	pthread_t thread;

	for (unsigned int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, sleep_long, NULL);
	usleep(300);
	_exit(9);
}

static void test_ending(void **state)
{
	unsigned int nattached = 0, n = test_rounds(100);

	for (unsigned int i = 0; i < n; i++) {
		pid_t pid;

		fflush(NULL);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid)
			live_shortly();
		usleep(i * 1000 / n);
		attach_while_it_lives(pid, &nattached);
		expect_ends_with(pid, 9);
	}
}

/* Shared with the process: its thread's id, when that has a child of vfork. */
static struct vforking {
	_Atomic pid_t parent;
	_Atomic bool is_released;
} * vforking;

static void *wait_for_child(void *opaque)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);
	pid_t child = vfork();

	if (!child) {
		atomic_store(&vforking->parent, tid);
		while (!atomic_load(&vforking->is_released))
			usleep(1000);
		_exit(0);
	}
	return opaque;
}

static bool wait_in_vfork(void *opaque)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, wait_for_child, NULL) == 0;
}

static void test_vfork(void **state)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	char sentence[200];
	pid_t pid, tid;
	int ret;

	vforking = mmap(NULL, sizeof(*vforking), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vforking, MAP_FAILED);
	pid = other_start(wait_in_vfork, NULL);
	while (!(tid = atomic_load(&vforking->parent)) ||
	       proc_of_thread_state(pid, tid) != 'D')
		usleep(100);
	ret = tracker_attach(pid, 1000, &err);
	snprintf(sentence, sizeof(sentence),
		 "thread %d of process %d waits in the kernel for a device, or "
		 "for a child of vfork, and does not stop",
		 (int)tid, (int)pid);
	expect_sentence(&err, ret, -ETIMEDOUT, sentence);
	atomic_store(&vforking->is_released, true);
	while (proc_of_thread_state(pid, tid) == 'D')
		usleep(100);
	expect_attached(pid);
	other_end(pid);
	munmap(vforking, sizeof(*vforking));
}

TEST_MAIN(test_stopped, test_stop_signal, test_handled_signal, test_exec,
	  test_ending, test_vfork)
