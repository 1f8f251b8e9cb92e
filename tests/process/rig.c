/* SPDX-License-Identifier: MIT */
/*
 * The process is a fork of the test, so memory that both see is simple.
 */
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "deny.h"
#include "proc_of.h"
#include "support.h"

#include <sys/syscall.h>

#define STACK_BYTES   ((size_t)1 << 20)
#define TRACKED_PAGES 64
#define PAGE_BYTES    4096

struct rig_shared *rig_shared;

static struct rig_worker workers[RIG_MAX_WORKERS];
static pthread_t threads[RIG_MAX_WORKERS];
static unsigned int nthreads;

void rig_wrong(const struct rig_worker *worker, const char *format, ...)
{
	char text[120];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!atomic_exchange(&rig_shared->is_wrong, true))
		snprintf(rig_shared->wrong, sizeof(rig_shared->wrong), "%s: %s",
			 worker->kind->name, text);
}

void rig_failed(const struct rig_worker *worker, const char *call, int code)
{
	if (code == EINTR && worker->kind->may_be_eintr &&
	    atomic_load(&rig_shared->are_eintrs_allowed))
		atomic_fetch_add(&rig_shared->eintrs, 1);
	else
		rig_wrong(worker, "%s: %s", call, strerror(code));
}

static void *work(void *opaque)
{
	struct rig_worker *worker = opaque;

	if (!worker->kind->begin(worker)) {
		atomic_fetch_add(&rig_shared->nskipped, 1);
		while (!atomic_load(&rig_shared->is_ending)) {
			usleep(1000);
			atomic_fetch_add(&rig_shared->rounds[worker->index], 1);
		}
		return NULL;
	}
	while (!atomic_load(&rig_shared->is_ending)) {
		worker->kind->round(worker);
		atomic_fetch_add(&rig_shared->rounds[worker->index], 1);
	}
	if (worker->kind->end)
		worker->kind->end(worker);
	return NULL;
}

/* The main thread, perhaps on a stack that came from malloc. */
static void wait_for_workers(void)
{
	for (unsigned int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
}

static void wait_hidden(void)
{
	static ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = malloc(STACK_BYTES);
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = &here;
	makecontext(&there, wait_for_workers, 0);
	swapcontext(&here, &there);
	free(there.uc_stack.ss_sp);
}

static void start_workers(const struct rig_kind *const *kinds,
			  unsigned int nworkers)
{
	nthreads = nworkers;
	for (unsigned int i = 0; i < nworkers; i++) {
		workers[i] = (struct rig_worker){.kind = kinds[i], .index = i};
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			abort();
	}
}

static void kill_makers_of_uffds(void)
{
	const struct deny_rule rule = {.call = SYS_userfaultfd,
				       .is_trapped = true};

	if (!deny(&rule, 1))
		_exit(3);
}

static void run_process(const struct rig_kind *const *kinds,
			unsigned int nworkers,
			const struct rig_options *options)
{
	void *tracked =
		mmap(NULL, TRACKED_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memset(tracked, 1, TRACKED_PAGES * PAGE_BYTES);
	rig_shared->first_page = (uintptr_t)tracked / PAGE_BYTES;
	rig_shared->npages = TRACKED_PAGES;
	if (options->has_filter)
		kill_makers_of_uffds();
	start_workers(kinds, nworkers);
	atomic_store(&rig_shared->is_ready, true);
	if (options->is_main_hidden)
		wait_hidden();
	else
		wait_for_workers();
	if (!rig_are_sequences_right())
		_exit(2);
	_exit(atomic_load(&rig_shared->is_wrong) ? 1 : 0);
}

static void fail_if_wrong(const struct rig *rig)
{
	if (atomic_load(&rig->shared->is_wrong))
		fail_msg("%s", rig->shared->wrong);
}

static void expect_alive(const struct rig *rig)
{
	int status;

	fail_if_wrong(rig);
	if (waitpid(rig->pid, &status, WNOHANG) == rig->pid)
		fail_msg("the process ended: 0x%x", (unsigned int)status);
}

static void wait_for_rounds(const struct rig *rig, unsigned int worker,
			    uint64_t rounds)
{
	while (atomic_load(&rig->shared->rounds[worker]) < rounds) {
		expect_alive(rig);
		usleep(200);
	}
}

void rig_progress(const struct rig *rig)
{
	uint64_t seen[RIG_MAX_WORKERS];

	for (unsigned int i = 0; i < rig->nworkers; i++)
		seen[i] = atomic_load(&rig->shared->rounds[i]);
	for (unsigned int i = 0; i < rig->nworkers; i++)
		wait_for_rounds(rig, i, seen[i] + 2);
	expect_alive(rig);
}

struct rig rig_start(const struct rig_kind *const *kinds, unsigned int nworkers,
		     const struct rig_options *options)
{
	struct rig rig = {.nworkers = nworkers};

	assert_true(nworkers <= RIG_MAX_WORKERS);
	rig.shared = mmap(NULL, sizeof(*rig.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(rig.shared, MAP_FAILED);
	rig_shared = rig.shared;
	fflush(NULL);
	rig.pid = fork();
	assert_true(rig.pid >= 0);
	if (!rig.pid)
		run_process(kinds, nworkers, options);
	rig_progress(&rig);
	return rig;
}

void rig_expect_clean(const struct rig *rig, unsigned int nuffds)
{
	char text[200] = "";

	if (!proc_of_is_clean(rig->pid, nuffds, text, sizeof(text)))
		fail_msg("process %d: %s", (int)rig->pid, text);
}

void rig_end(struct rig *rig)
{
	int status = 0;

	atomic_store(&rig->shared->is_ending, true);
	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	fail_if_wrong(rig);
	assert_int_equal(status, 0);
	munmap(rig->shared, sizeof(*rig->shared));
}
