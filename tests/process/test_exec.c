/* SPDX-License-Identifier: MIT */
/*
 * A thread executes a program at a chosen moment of a stop. It waits in the
 * kernel for the end of the others, so for the guardian to wait for those that
 * it traces; then it has the id of the process.
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "other.h"
#include "process/proc.h"
#include "process/step.h"
#include "support.h"
#include "tracker.h"

#define TIMEOUT_MS 10000
#define PATIENCE_S 30

/* What the process and the guardian's hook share. */
static struct course {
	_Atomic bool may_start, may_execute; /* the thread that executes */
	_Atomic bool may_end;		     /* the main thread */
	_Atomic pid_t waiting, executing;    /* the threads' ids */
	unsigned int nseized, nstopped;
	pid_t pid;
} * course;

static char program[PATH_MAX];

static void until(const _Atomic bool *is_so)
{
	while (!atomic_load(is_so))
		usleep(100);
}

static void *wait_for_ever(void *opaque)
{
	atomic_store(&course->waiting, (pid_t)syscall(SYS_gettid));
	for (;;)
		pause();
	return opaque;
}

static void *execute(void *opaque)
{
	char *const arguments[] = {program, "wait", NULL};

	atomic_store(&course->executing, (pid_t)syscall(SYS_gettid));
	until(&course->may_execute);
	execv(program, arguments);
	_exit(3);
	return opaque;
}

/* Listed before the one that executes. */
static void start_the_one_that_waits(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL))
		_exit(4);
	while (!atomic_load(&course->waiting))
		usleep(100);
}

static void start_when_told(void)
{
	pthread_t thread;

	until(&course->may_start);
	if (pthread_create(&thread, NULL, execute, NULL))
		_exit(4);
}

static pid_t start_process(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	start_the_one_that_waits();
	start_when_told();
	until(&course->may_end);
	syscall(SYS_exit, 0); /* this thread only */
	_exit(5);
}

/* A guardian that hangs lets go when the process is killed. */
static pid_t start_killer(pid_t pid)
{
	pid_t killer;

	fflush(NULL);
	killer = fork();
	assert_true(killer >= 0);
	if (killer)
		return killer;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sleep(PATIENCE_S);
	kill(pid, SIGKILL);
	_exit(0);
}

static void start_the_one_that_executes(void)
{
	atomic_store(&course->may_start, true);
	while (!atomic_load(&course->executing))
		usleep(100);
}

static void until_ended(pid_t tid)
{
	struct smi_proc_stat stat;

	while (!smi_proc_stat(course->pid, tid, &stat) && stat.state != 'Z')
		usleep(100);
}

static void execute_now(void)
{
	atomic_store(&course->may_execute, true);
	until_ended(atomic_load(&course->waiting));
}

static void forget_sigchld(void)
{
	const struct timespec now = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (sigtimedwait(&set, NULL, &now) == SIGCHLD)
		;
}

/* The signal of the one that waits came before the guardian knew it. */
static void execute_at_first_seized(const char *step)
{
	if (!strcmp(step, "seized") && ++course->nseized == 1) {
		execute_now();
		forget_sigchld();
	}
}

/* The main thread is seized last, and starts it before it is told to stop. */
static void count_seized(const char *step)
{
	if (!strcmp(step, "seized") && ++course->nseized == 2)
		start_the_one_that_executes();
}

/* When the others stand; the signal of the one that waits is taken with that of
 * its stop. Not if this one is traced already, since the others took long. */
static void execute_at_second_stop(const char *step)
{
	count_seized(step);
	course->nstopped += !strcmp(step, "repaired");
	if (!strcmp(step, "repaired") && course->nstopped == 2 &&
	    course->nseized == 2) {
		execute_now();
		forget_sigchld();
	}
}

/* When the others stand, and it is traced, but not told to stop. */
static void execute_at_third_seized(const char *step)
{
	count_seized(step);
	course->nstopped += !strcmp(step, "repaired");
	if (!strcmp(step, "seized") && course->nseized == 3 &&
	    course->nstopped == 2)
		execute_now();
}

/* When the main thread has ended; the one that executes is listed last. */
static void execute_without_main(const char *step)
{
	if (!strcmp(step, "begun")) {
		atomic_store(&course->may_end, true);
		until_ended(course->pid);
	}
	if (!strcmp(step, "seized") && ++course->nseized == 2)
		execute_now();
}

static void begin(void)
{
	test_beside("target_exec", program);
	course = mmap(NULL, sizeof(*course), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(course, MAP_FAILED);
	course->pid = start_process();
	while (!atomic_load(&course->waiting))
		usleep(100);
}

/* Return: has the thread executed? */
static bool attach_and_end(void (*hook)(const char *step))
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	pid_t killer = start_killer(course->pid);
	bool has_executed;
	int ret;

	smi_step_hook = hook;
	ret = tracker_attach(course->pid, TIMEOUT_MS, &err);
	smi_step_hook = NULL;
	has_executed = atomic_load(&course->may_execute);
	other_end(killer);
	other_end(course->pid);
	munmap(course, sizeof(*course));
	if (ret)
		fail_msg("%d: %s", ret, err.message);
	return has_executed;
}

/* To trace the one that executes waits for the one that was killed. */
static void test_killed_at_once(void **state)
{
	begin();
	start_the_one_that_executes();
	assert_true(attach_and_end(execute_at_first_seized));
}

static void test_killed_later(void **state)
{
	do {
		begin();
	} while (!attach_and_end(execute_at_second_stop));
}

/* It stops with the id of one that was killed. */
static void test_other_id(void **state)
{
	do {
		begin();
	} while (!attach_and_end(execute_at_third_seized));
}

/* It stops with the id of one that could not be traced. */
static void test_main_ended(void **state)
{
	begin();
	start_the_one_that_executes();
	assert_true(attach_and_end(execute_without_main));
}

TEST_MAIN(test_killed_at_once, test_killed_later, test_other_id,
	  test_main_ended)
