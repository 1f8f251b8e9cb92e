/* SPDX-License-Identifier: MIT */
/*
 * A child ends while its parent thread is traced already and other threads are
 * not yet. The kernel then queues SIGCHLD, which is ignored, and wakes
 * another thread if the parent has a signal that it has not yet looked at: one
 * whose wait would return EINTR, unless that thread has been told to stop.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "other.h"
#include "proc_of.h"
#include "process/proc.h"
#include "process/step.h"
#include "process/target.h"
#include "support.h"

#define TIMEOUT_MS  20000
#define A_MOMENT_US 50000 /* for a thread that was woken to return */

/* Of the target and the test. */
struct shared {
	_Atomic pid_t parent, child; /* a thread, and a process */
	_Atomic bool is_vforked;     /* the parent has a child of vfork */
	_Atomic pid_t other;	     /* the thread that waits */
	_Atomic int wrong;	     /* errno of its wait */
};

static struct shared *shared;
static pid_t target;
static int ends_child[2], ends_vfork[2];
static bool is_child_ended;
static int ntold; /* to stop, before the parent was traced */

static void handle(int number)
{
	(void)number;
}

static _Noreturn void wait_for_byte(int fd)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(read(fd, &byte, 1) == 1 ? 0 : 1);
}

/* While it waits for the child of vfork, it looks at no signal. */
static void *be_parent(void *opaque)
{
	const struct sigaction action = {.sa_handler = handle,
					 .sa_flags = SA_RESTART};
	pid_t child = fork();

	if (!child)
		wait_for_byte(ends_child[0]);
	sigaction(SIGUSR1, &action, NULL);
	atomic_store(&shared->child, child);
	atomic_store(&shared->parent, (pid_t)syscall(SYS_gettid));
	if (!vfork()) {
		atomic_store(&shared->is_vforked, true);
		wait_for_byte(ends_vfork[0]);
	}
	for (;;)
		pause();
	return opaque;
}

static void *be_other(void *opaque)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;

	atomic_store(&shared->other, (pid_t)syscall(SYS_gettid));
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) < 0)
			atomic_store(&shared->wrong, errno);
	}
	return opaque;
}

/* What the main thread is. */
enum role {
	PARENT,
	OTHER,
	NEITHER
};

static _Noreturn void run(enum role main_is)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (main_is != PARENT)
		pthread_create(&thread, NULL, be_parent, NULL);
	while (main_is != PARENT && !atomic_load(&shared->parent))
		usleep(100);
	if (main_is == OTHER)
		be_other(NULL);
	pthread_create(&thread, NULL, be_other, NULL);
	if (main_is == PARENT)
		be_parent(NULL);
	for (;;)
		pause();
}

static bool are_in_their_calls(void)
{
	pid_t parent = atomic_load(&shared->parent);
	pid_t other = atomic_load(&shared->other);

	return atomic_load(&shared->is_vforked) &&
	       proc_of_thread_state(target, parent) == 'D' && other &&
	       proc_of_thread_state(target, other) == 'S';
}

/* The parent has a signal, and is in vfork; the other one waits. */
static void start(enum role main_is)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_int_equal(pipe2(ends_child, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ends_vfork, O_CLOEXEC), 0);
	is_child_ended = false;
	ntold = 0;
	fflush(NULL);
	target = fork();
	assert_true(target >= 0);
	if (!target)
		run(main_is);
	while (!are_in_their_calls())
		usleep(100);
	assert_int_equal(syscall(SYS_tgkill, target,
				 atomic_load(&shared->parent), SIGUSR1),
			 0);
}

static void end(void)
{
	other_end(target);
	for (int i = 0; i < 2; i++) {
		close(ends_child[i]);
		close(ends_vfork[i]);
	}
	munmap(shared, sizeof(*shared));
}

/* In the process that stops the target; as soon as the parent is traced. */
static void end_child(const char *step)
{
	pid_t child = atomic_load(&shared->child);

	ntold += !is_child_ended && !strcmp(step, "interrupted");
	if (strcmp(step, "seized") || is_child_ended ||
	    !proc_of_tracer(target, atomic_load(&shared->parent)))
		return;
	is_child_ended = true;
	if (write(ends_child[1], "x", 1) != 1)
		return;
	while (proc_of_thread_state(child, child) != 'Z')
		usleep(100);
	usleep(A_MOMENT_US);
	is_child_ended = write(ends_vfork[1], "x", 1) == 1;
}

static int do_nothing(struct smi_stop *stop, void *opaque,
		      struct smudge_error *err)
{
	return 0;
}

static void expect_no_eintr(enum role main_is)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_target stopped;

	start(main_is);
	assert_int_equal(smi_target_open(target, &stopped, NULL), 0);
	smi_step_hook = end_child;
	if (smi_target_while_stopped(&stopped, TIMEOUT_MS, do_nothing, NULL,
				     NULL, &err))
		fail_msg("%s", err.message);
	smi_step_hook = NULL;
	assert_true(is_child_ended);
	assert_true(ntold > 0);
	usleep(A_MOMENT_US);
	assert_int_equal(atomic_load(&shared->wrong), 0);
	smi_target_close(&stopped);
	end();
}

static void test_child_of_main_thread(void **state)
{
	expect_no_eintr(PARENT);
}

static void test_child_of_another_thread(void **state)
{
	expect_no_eintr(NEITHER);
}

static void test_main_thread_waits(void **state)
{
	expect_no_eintr(OTHER);
}

TEST_MAIN(test_child_of_main_thread, test_child_of_another_thread,
	  test_main_thread_waits)
