/* SPDX-License-Identifier: MIT */
/*
 * A process makes children that end at once, while it is being stopped and
 * another thread of it waits in calls that do not restart after a signal. None
 * of them returns EINTR. SMUDGE_TEST_ROUNDS: stops, 1000.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/socket.h>
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
#define A_MOMENT_US 50000
#define WAIT_NS	    5000000
#define NFORKERS    2
#define NREFUSED    30

/* Of the target and the test. */
struct shared {
	_Atomic pid_t thread, child; /* a thread, and a process that it makes */
	_Atomic bool is_ready, is_reaped;
	_Atomic int wrong; /* errno of a wait */
};

static struct shared *shared;
static pid_t target;
static int begins[2], ends[2];
static bool is_forked, is_ended;

static void *make_children(void *opaque)
{
	for (;;) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			atomic_store(&shared->wrong, EINTR);
	}
	return opaque;
}

static _Noreturn void end_when_told(void)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	_exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
}

static void *make_child_when_told(void *opaque)
{
	pid_t child;
	char byte;

	atomic_store(&shared->thread, (pid_t)syscall(SYS_gettid));
	if (read(begins[0], &byte, 1) != 1)
		_exit(1);
	child = fork();
	if (!child)
		end_when_told();
	atomic_store(&shared->child, child);
	atomic_store(&shared->is_reaped, waitpid(child, NULL, 0) == child);
	for (;;)
		pause();
	return opaque;
}

/* It lives as long as its parent. */
static void start_child(void)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

static void *be_parent(void *opaque)
{
	start_child();
	atomic_store(&shared->thread, (pid_t)syscall(SYS_gettid));
	for (;;)
		pause();
	return opaque;
}

static void expect(int ret, int expected)
{
	if (ret < 0 && errno != expected)
		atomic_store(&shared->wrong, errno);
}

static _Noreturn void wait_in_calls(void)
{
	const struct timespec limit = {.tv_nsec = WAIT_NS};
	const struct timeval timeout = {.tv_usec = WAIT_NS / 1000};
	struct sembuf op = {.sem_op = -1};
	struct epoll_event event;
	int sockets[2], semaphore, epoll = epoll_create1(EPOLL_CLOEXEC);
	sigset_t set;
	char byte;

	unshare(CLONE_NEWIPC); /* then the semaphore ends with the target */
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0 ||
	    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout,
		       sizeof(timeout)) < 0)
		_exit(1);
	atomic_store(&shared->is_ready, true);
	for (;;) {
		expect(semtimedop(semaphore, &op, 1, &limit), EAGAIN);
		expect(epoll_wait(epoll, &event, 1, WAIT_NS / 1000000), 0);
		expect(sigtimedwait(&set, NULL, &limit), EAGAIN);
		expect((int)recv(sockets[0], &byte, 1, 0), EAGAIN);
	}
}

static _Noreturn void run(void *(*fn)(void *opaque), int nthreads,
			  bool is_parent)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (is_parent)
		start_child();
	for (int i = 0; i < nthreads; i++)
		pthread_create(&thread, NULL, fn, NULL);
	wait_in_calls();
}

static struct smi_target start(void *(*fn)(void *opaque), int nthreads,
			       bool is_parent)
{
	struct smi_target opened;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_int_equal(pipe2(begins, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	is_forked = is_ended = false;
	target = fork();
	assert_true(target >= 0);
	if (!target)
		run(fn, nthreads, is_parent);
	while (!atomic_load(&shared->is_ready))
		usleep(100);
	assert_int_equal(smi_target_open(target, &opened, NULL), 0);
	return opened;
}

static void end(struct smi_target *opened)
{
	assert_int_equal(atomic_load(&shared->wrong), 0);
	smi_target_close(opened);
	other_end(target);
	for (int i = 0; i < 2; i++) {
		close(begins[i]);
		close(ends[i]);
	}
	munmap(shared, sizeof(*shared));
}

static int do_nothing(struct smi_stop *stop, void *opaque,
		      struct smudge_error *err)
{
	return 0;
}

static int stop_once(struct smi_target *opened)
{
	return smi_target_while_stopped(opened, TIMEOUT_MS, do_nothing, NULL,
					NULL, NULL);
}

static unsigned int rounds(void)
{
	const char *text = getenv("SMUDGE_TEST_ROUNDS");

	return text ? (unsigned int)strtoul(text, NULL, 10) : test_rounds(1000);
}

static void test_many_children(void **state)
{
	struct test_rng rng = test_rng_start("process/children");
	struct smi_target opened = start(make_children, NFORKERS, false);

	for (unsigned int i = 0, n = rounds(); i < n; i++) {
		if (stop_once(&opened))
			fail_msg("stop %u failed", i);
		usleep((useconds_t)test_rng_below(&rng, 4000));
		if (atomic_load(&shared->wrong))
			fail_msg("EINTR after stop %u", i);
	}
	end(&opened);
}

static char state_of(pid_t tid)
{
	struct smi_proc_stat stat = {0};

	smi_proc_stat(target, tid, &stat);
	return stat.state;
}

/*
 * In the process that stops the target. When the thread is traced it makes a
 * child; when it has been told to stop, the child should end. A thread that
 * stands, or its child, cannot.
 */
static void fork_when_traced(const char *step)
{
	pid_t thread = atomic_load(&shared->thread);

	if (!strcmp(step, "seized") && !is_forked &&
	    proc_of_tracer(target, thread)) {
		is_forked = write(begins[1], "x", 1) == 1;
		while (!atomic_load(&shared->child) && state_of(thread) != 't')
			usleep(100);
	}
	if (!strcmp(step, "interrupted") && is_forked && !is_ended) {
		is_ended = write(ends[1], "x", 1) == 1;
		while (state_of(thread) != 't' &&
		       proc_of_state(atomic_load(&shared->child)) != 'Z')
			usleep(100);
		usleep(A_MOMENT_US);
	}
}

static void test_child_of_traced_thread(void **state)
{
	struct smi_target opened = start(make_child_when_told, 1, true);

	while (!atomic_load(&shared->thread) ||
	       state_of(atomic_load(&shared->thread)) != 'S')
		usleep(100);
	smi_step_hook = fork_when_traced;
	assert_int_equal(stop_once(&opened), 0);
	smi_step_hook = NULL;
	assert_true(is_forked && is_ended);
	while (!atomic_load(&shared->is_reaped))
		usleep(100);
	end(&opened);
}

/* It traces a thread, and does nothing else. */
static pid_t start_other_tracer(pid_t tid)
{
	pid_t tracer = fork();

	assert_true(tracer >= 0);
	if (tracer) {
		while (proc_of_tracer(target, tid) != tracer)
			usleep(100);
		return tracer;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
		_exit(1);
	for (;;)
		pause();
}

/* Those that have been told to stop when it fails return no EINTR either. */
static void test_stop_that_fails(void **state)
{
	struct smi_target opened = start(be_parent, 1, false);
	pid_t tracer;

	while (!atomic_load(&shared->thread))
		usleep(100);
	tracer = start_other_tracer(atomic_load(&shared->thread));
	for (int i = 0; i < NREFUSED; i++) {
		assert_int_equal(stop_once(&opened), -EBUSY);
		usleep(3000);
	}
	other_end(tracer);
	end(&opened);
}

TEST_MAIN(test_child_of_traced_thread, test_stop_that_fails, test_many_children)
