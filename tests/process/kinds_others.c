/* SPDX-License-Identifier: MIT */
/*
 * Threads that compute, handle signals, and make children.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xmmintrin.h>

#include "rig.h"
#include "registers.h"

#define SPINS	  20000
#define PERIOD_NS 500000L

static bool begin_registers(struct rig_worker *worker)
{
	worker->number = 0x9e3779b97f4a7c15 * (worker->index + 1);
	return true;
}

/* All general and vector registers, and the red zone. */
static void round_registers(struct rig_worker *worker)
{
	const char *which = registers_compute(worker->number++, SPINS);

	if (which)
		rig_wrong(worker, "%s", which);
}

/* How SSE rounds; a state that a shortened frame would lose. */
static void round_rounding(struct rig_worker *worker)
{
	unsigned int before = _mm_getcsr();

	_mm_setcsr((before & ~_MM_ROUND_MASK) | _MM_ROUND_TOWARD_ZERO);
	for (volatile unsigned int i = 0; i < SPINS; i++)
		;
	if ((_mm_getcsr() & _MM_ROUND_MASK) != _MM_ROUND_TOWARD_ZERO)
		rig_wrong(worker, "the rounding changed");
	_mm_setcsr(before);
}

static struct sequence_counter counters[SEQUENCE_MAX_CPUS];
static _Atomic uint64_t nsequences;

static bool begin_sequence(struct rig_worker *worker)
{
	(void)worker;
	return sequence_is_possible();
}

static void round_sequence(struct rig_worker *worker)
{
	(void)worker;
	for (unsigned int i = 0; i < 500; i++) {
		sequence_add(counters);
		atomic_fetch_add(&nsequences, 1);
	}
}

bool rig_are_sequences_right(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SEQUENCE_MAX_CPUS; i++)
		sum += counters[i].value;
	return sum == atomic_load(&nsequences);
}

static __thread volatile sig_atomic_t nhandled;

static void count_signal(int number)
{
	(void)number;
	nhandled++;
	for (volatile unsigned int i = 0; i < 2000; i++)
		;
}

static bool send_me_signals(int number)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
				 .sigev_signo = number};
	const struct itimerspec period = {
		.it_value = {.tv_nsec = PERIOD_NS},
		.it_interval = {.tv_nsec = PERIOD_NS}};
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
	       timer_settime(timer, 0, &period, NULL) == 0;
}

static bool handle(int number, int flags)
{
	struct sigaction action = {.sa_handler = count_signal,
				   .sa_flags = flags};

	sigemptyset(&action.sa_mask);
	return sigaction(number, &action, NULL) == 0;
}

static bool begin_handler(struct rig_worker *worker)
{
	(void)worker;
	return handle(SIGRTMIN + 2, SA_RESTART) &&
	       send_me_signals(SIGRTMIN + 2);
}

/* Computes with all registers while handlers interrupt it. */
static void round_handler(struct rig_worker *worker)
{
	int before = nhandled;

	while (nhandled == before)
		round_registers(worker);
}

static bool begin_alternate(struct rig_worker *worker)
{
	const stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

	worker->memory = stack.ss_sp;
	return sigaltstack(&stack, NULL) == 0 &&
	       handle(SIGRTMIN + 3, SA_ONSTACK) &&
	       send_me_signals(SIGRTMIN + 3);
}

/* The alternate stack must still be the one that was set. */
static void round_alternate(struct rig_worker *worker)
{
	stack_t stack;

	round_handler(worker);
	if (sigaltstack(NULL, &stack) < 0 || stack.ss_sp != worker->memory ||
	    stack.ss_size != 65536)
		rig_wrong(worker, "the alternate stack changed");
}

static bool begin_suspend(struct rig_worker *worker)
{
	sigset_t set;

	(void)worker;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return handle(SIGRTMIN + 4, SA_RESTART) &&
	       send_me_signals(SIGRTMIN + 4);
}

/* sigsuspend ends by a handler and by nothing else, and the mask is back. */
static void round_suspend(struct rig_worker *worker)
{
	int before = nhandled;
	sigset_t set;

	sigemptyset(&set);
	sigsuspend(&set);
	if (errno != EINTR || nhandled == before)
		rig_wrong(worker, "sigsuspend ended without a handler");
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	if (sigismember(&set, SIGRTMIN + 4) != 1)
		rig_wrong(worker, "the signal mask changed");
}

static void expect_child(const struct rig_worker *worker, pid_t child,
			 int exit_status)
{
	int status = 0;
	pid_t ret;

	if (child < 0) {
		rig_wrong(worker, "fork: %s", strerror(errno));
		return;
	}
	ret = waitpid(child, &status, 0);
	if (ret != child)
		rig_wrong(worker, "waitpid: %s", strerror(errno));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != exit_status)
		rig_wrong(worker, "the child's status is 0x%x",
			  (unsigned int)status);
}

static bool begin_children(struct rig_worker *worker)
{
	(void)worker;
	return true;
}

static void round_fork(struct rig_worker *worker)
{
	pid_t child = fork();

	if (!child)
		_exit(5);
	expect_child(worker, child, 5);
}

static void round_vfork(struct rig_worker *worker)
{
	pid_t child = vfork();

	if (!child) {
		usleep(2000);
		_exit(6);
	}
	expect_child(worker, child, 6);
}

static void *end_at_once(void *opaque)
{
	return opaque;
}

static void round_threads(struct rig_worker *worker)
{
	void *result = NULL;
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_at_once, worker) ||
	    pthread_join(thread, &result) || result != worker)
		rig_wrong(worker, "a thread did not end as it should");
}

static const struct rig_kind kinds[] = {
	{.name = "registers",
	 .begin = begin_registers,
	 .round = round_registers},
	{.name = "rounding", .begin = begin_registers, .round = round_rounding},
	{.name = "sequence", .begin = begin_sequence, .round = round_sequence},
	{.name = "handler", .begin = begin_handler, .round = round_handler},
	{.name = "alternate stack",
	 .begin = begin_alternate,
	 .round = round_alternate},
	{.name = "sigsuspend", .begin = begin_suspend, .round = round_suspend},
	{.name = "fork", .begin = begin_children, .round = round_fork},
	{.name = "vfork", .begin = begin_children, .round = round_vfork},
	{.name = "threads", .begin = begin_children, .round = round_threads},
};

const struct rig_kind *const rig_others[] = {
	&kinds[0], &kinds[1], &kinds[2], &kinds[3], &kinds[4],
	&kinds[5], &kinds[6], &kinds[7], &kinds[8], &rig_kvm,
};
const size_t rig_nothers = sizeof(rig_others) / sizeof(rig_others[0]);
