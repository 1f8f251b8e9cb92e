/* SPDX-License-Identifier: MIT */
/*
 * A listing of a process's threads may miss some while others end. It is
 * complete if it has as many as the kernel counts and none of them runs: then
 * none can begin or end before we let go, SIGKILL apart.
 *
 * While a thread is traced, the kernel queues also signals that it ignores
 * (SIGCHLD), and wakes another thread for them if it stands, or has a signal
 * that it has not yet looked at. A thread that waits must have been told to
 * stop by then, so that its call is repaired also if the signal goes to a third
 * one. So those that sleep are told to stop before others are seized: those
 * that run, which may fork, then the parents of children, and last the main
 * thread, which gets what is sent to the process.
 */
#include "process/threads.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/proc.h"
#include "process/seize.h"
#include "process/step.h"
#include "sys/clock.h"

#define WHERE	    "process"
#define FIRST_COUNT 256
#define PATIENCE_NS UINT64_C(200000000)
#define MAX_LATE    64
#define SLEEPS	    'S'
#define LISTINGS    4 /* at most, until no thread is missed */

struct late {
	pid_t tids[MAX_LATE];
	size_t n;
};

struct listing {
	struct smi_threads *threads;
	struct smudge_error *err;
	uint64_t nlisted;
	bool is_complete;
	struct late running, parents; /* to be seized after the others */
};

/* NULL: not among them. */
static struct smi_thread *find(const struct smi_threads *threads, pid_t tid)
{
	for (size_t i = 0; i < threads->nthreads; i++)
		if (threads->of[i].tid == tid)
			return &threads->of[i];
	return NULL;
}

void smi_threads_remove(struct smi_threads *threads, pid_t tid)
{
	struct smi_thread *thread = find(threads, tid);

	if (thread)
		*thread = threads->of[--threads->nthreads];
}

static int grow(struct smi_threads *threads)
{
	size_t bytes = threads->capacity * sizeof(*threads->of);
	void *more;

	if (threads->capacity)
		more = mremap(threads->of, bytes, 2 * bytes, MREMAP_MAYMOVE);
	else
		more = mmap(NULL, FIRST_COUNT * sizeof(*threads->of),
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	if (more == MAP_FAILED)
		return -ENOMEM;
	threads->of = more;
	threads->capacity =
		threads->capacity ? 2 * threads->capacity : FIRST_COUNT;
	return 0;
}

static int add(struct smi_threads *threads, pid_t tid)
{
	if (threads->nthreads == threads->capacity && grow(threads) < 0)
		return -ENOMEM;
	threads->of[threads->nthreads++] = (struct smi_thread){.tid = tid};
	return 0;
}

int smi_threads_note_stop(struct smi_threads *threads, pid_t tid)
{
	if (!find(threads, tid) && add(threads, tid) < 0)
		return -ENOMEM;
	find(threads, tid)->is_stopped = true;
	return 0;
}

bool smi_threads_all_stand(const struct smi_threads *threads)
{
	for (size_t i = 0; i < threads->nthreads; i++)
		if (!threads->of[i].is_stopped)
			return false;
	return true;
}

/* Is it in a stop of ours? A stop by a signal has no siginfo (EINVAL). */
static bool stands(pid_t tid)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0 ||
	       errno == EINVAL;
}

/*
 * Ask it to stop, unless it stands. One that stood and does not was killed, and
 * is ours until it has been waited for; or another has its id by an exec.
 * Return: do we trace it still?
 */
static bool interrupt(struct smi_thread *thread)
{
	if (thread->is_stopped)
		thread->is_stopped = stands(thread->tid);
	if (!thread->is_stopped && !thread->is_asked)
		thread->is_asked =
			ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL) == 0;
	return thread->is_stopped || thread->is_asked;
}

static void interrupt_all(struct smi_threads *threads)
{
	if (!threads->interrupted_ns)
		threads->interrupted_ns = smi_sys_now_ns();
	for (size_t i = 0; i < threads->nthreads;) {
		if (interrupt(&threads->of[i]))
			i++;
		else
			threads->of[i] = threads->of[--threads->nthreads];
		smi_step("interrupted");
	}
}

static bool has_ended(pid_t pid, pid_t tid)
{
	struct smi_proc_stat stat;

	return smi_proc_stat(pid, tid, &stat) < 0 || stat.state == 'Z' ||
	       stat.state == 'X';
}

/*
 * A thread that ends because another one executes a program cannot be seized,
 * and has that other's place when it is looked at. So it is tried again.
 */
static int refused(struct listing *listing)
{
	struct smi_threads *threads = listing->threads;
	uint64_t now_ns = smi_sys_now_ns();

	listing->is_complete = false;
	if (!threads->refused_ns)
		threads->refused_ns = now_ns;
	if (now_ns - threads->refused_ns < PATIENCE_NS)
		return 0;
	return smudge_error_set(listing->err, -EPERM, WHERE,
				"process %d may not be traced",
				(int)threads->pid);
}

/* Why could a thread not be seized? Return: 0 (it has ended or will), 1 (it is
 * traced by us since it was another one), or -errno. */
static int explain(struct listing *listing, pid_t tid)
{
	char text[SMI_PROC_TEXT_BYTES];
	pid_t pid = listing->threads->pid;
	long n = smi_proc_read(smi_proc_open_thread(pid, tid, "status"), text,
			       sizeof(text));
	pid_t tracer;

	if (n < 0 || has_ended(pid, tid))
		return 0;
	tracer = (pid_t)smi_proc_number(text, "TracerPid", 10, 0);
	if (tracer == (pid_t)syscall(SYS_getpid))
		return 1;
	if (tracer)
		return smudge_error_set(
			listing->err, -EBUSY, WHERE,
			"thread %d of process %d is traced by process %d",
			(int)tid, (int)pid, (int)tracer);
	return refused(listing);
}

static int seize(struct listing *listing, pid_t tid)
{
	int ret = 1;

	if (smi_seize(listing->threads, tid) < 0)
		ret = errno == ESRCH ? 0 : explain(listing, tid);
	if (ret <= 0)
		return ret;
	smi_step("seized");
	listing->is_complete = false;
	if (add(listing->threads, tid) < 0)
		return smudge_error_set(listing->err, -ENOMEM, WHERE,
					"out of memory");
	smi_seize_wait_if_ended(tid); /* its signal came before it was added */
	return 0;
}

static bool put_off(struct late *late, pid_t tid)
{
	if (late->n == MAX_LATE)
		return false;
	late->tids[late->n++] = tid;
	return true;
}

/*
 * A worker of the kernel runs no user code and forks nothing. To stop one would
 * end what it does for io_uring with EINTR.
 */
static int seize_or_put_off(struct listing *listing, pid_t tid)
{
	struct smi_proc_stat stat = {.state = SLEEPS};
	pid_t pid = listing->threads->pid;

	if (smi_proc_stat(pid, tid, &stat) == 0 && stat.is_kernel_worker)
		return 0;
	if (tid == pid || smi_proc_has_children(pid, tid)) {
		if (put_off(&listing->parents, tid))
			return 0;
	} else if (stat.state != SLEEPS && put_off(&listing->running, tid))
		return 0;
	return seize(listing, tid);
}

/* The main thread is listed first, and seized last. */
static int seize_late(struct listing *listing, struct late *late)
{
	int ret = 0;

	smi_seize_wait_for_ended(listing->threads);
	while (!ret && late->n)
		ret = seize(listing, late->tids[--late->n]);
	return ret;
}

/* Return: 0 or -errno. */
static int visit(struct listing *listing, const char *name)
{
	pid_t tid = (pid_t)strtol(name, NULL, 10);
	const struct smi_thread *thread;

	if (tid <= 0)
		return 0; /* "." and ".." */
	listing->nlisted++;
	thread = find(listing->threads, tid);
	if (!thread)
		return seize_or_put_off(listing, tid);
	if (!thread->is_stopped)
		listing->is_complete = false;
	return 0;
}

static int visit_entries(struct listing *listing, const char *entries, long n)
{
	int ret = 0;

	for (long at = 0; at < n && !ret;) {
		const struct dirent64 *entry = (const void *)(entries + at);

		at += entry->d_reclen;
		ret = visit(listing, entry->d_name);
	}
	return ret;
}

static int list_once(struct listing *listing)
{
	_Alignas(struct dirent64) char entries[4096];
	int fd = smi_proc_open(listing->threads->pid, "task");
	int ret = fd < 0 ? fd : 0;
	long n = 1;

	/* Their signal may have been taken with another's. */
	smi_seize_wait_for_ended(listing->threads);
	listing->nlisted = listing->running.n = listing->parents.n = 0;
	while (!ret && n > 0) {
		n = syscall(SYS_getdents64, fd, entries, sizeof(entries));
		ret = n < 0 ? -errno : visit_entries(listing, entries, n);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/*
 * As long as none of those that come late is traced, there is time to look if
 * one was missed.
 */
static int list(struct listing *listing)
{
	struct smi_threads *threads = listing->threads;
	struct smi_proc_stat stat = {0};
	int ret, n = 0;

	for (size_t i = 0; i < threads->nthreads; i++)
		threads->of[i].is_asked = false;
	do {
		ret = list_once(listing);
		if (ret < 0 || listing->running.n + listing->parents.n == 0)
			return ret;
		ret = smi_proc_stat(threads->pid, threads->pid, &stat);
	} while (!ret && listing->nlisted != stat.nthreads && ++n < LISTINGS);
	if (ret < 0)
		return ret;
	interrupt_all(threads);
	ret = seize_late(listing, &listing->running);
	return ret ? ret : seize_late(listing, &listing->parents);
}

static int list_failed(const struct listing *listing, int code)
{
	pid_t pid = listing->threads->pid;

	if (code == -ENOENT || code == -ESRCH)
		return smudge_error_set(listing->err, -ESRCH, WHERE,
					"process %d has ended", (int)pid);
	return smudge_error_set(listing->err, code, WHERE,
				"cannot list the threads of process %d: %s",
				(int)pid, strerror(-code));
}

int smi_threads_seize(struct smi_threads *threads, struct smudge_error *err)
{
	struct listing listing = {
		.threads = threads, .err = err, .is_complete = true};
	struct smi_proc_stat stat;
	int ret;

	ret = list(&listing);
	interrupt_all(threads);
	if (ret < 0)
		return list_failed(&listing, ret);
	if (!threads->nthreads && has_ended(threads->pid, threads->pid))
		return list_failed(&listing, -ESRCH);
	if (!threads->nthreads || !listing.is_complete ||
	    !smi_threads_all_stand(threads))
		return 0;
	/* Only now: to read it takes as long as a thread takes to stop. */
	ret = smi_proc_stat(threads->pid, threads->pid, &stat);
	return ret < 0 ? list_failed(&listing, ret)
		       : listing.nlisted == stat.nthreads;
}

void smi_threads_free(struct smi_threads *threads)
{
	if (threads->capacity)
		munmap(threads->of, threads->capacity * sizeof(*threads->of));
	threads->of = NULL;
	threads->nthreads = threads->capacity = 0;
}
