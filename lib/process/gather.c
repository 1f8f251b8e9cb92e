/* SPDX-License-Identifier: MIT */
/*
 * A listing of a process's threads may miss some while others end. It is
 * complete if it has as many as the kernel counts and none of them runs: then
 * none can begin or end before we let go, SIGKILL apart.
 *
 * THE ORDER. While a thread is traced, the kernel queues also signals that it
 * ignores (SIGCHLD): those of its children, and in the main thread those of the
 * process. It wakes this thread for them, and that one stops where its call can
 * be repaired; but if it stands, has been told to stop, or has a signal that it
 * has not yet looked at, then another thread is woken. If that one waits in a
 * call that does not restart, and is not traced, or was told nothing and finds
 * that a third one has taken the signal, the call returns EINTR to the program.
 * (fork(2) of a running thread looks for signals, and takes them.) So:
 * 1. Threads that sleep and have no children are traced and told to stop. What
 *    child a thread makes from when it is traced on stands before it runs
 *    (seize.h, born.h), so it cannot end meanwhile.
 * 2. The main thread, parents of children and threads that run, which may be in
 *    fork(2), are traced: first those that wait in such calls.
 * 3. These are told to stop: last those that wait, when none can take a signal
 *    from them any more.
 * What may still happen: of a signal that comes between 2 and 3 for one of
 * several that wait, or between two steps of 2, is in docs/kernel-support.md.
 */
#include "process/gather.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/arch.h"
#include "process/proc.h"
#include "process/seize.h"
#include "process/step.h"
#include "sys/clock.h"

#define WHERE	    "process"
#define PATIENCE_NS UINT64_C(200000000)
#define MAX_LATE    512
#define SLEEPS	    'S'
#define LISTINGS    4 /* at most, until no thread is missed */

/* To be seized after the others; 0: has been. */
struct late {
	pid_t tids[MAX_LATE];
	size_t n;
};

struct listing {
	struct smi_threads *threads;
	struct smudge_error *err;
	uint64_t nlisted;
	bool is_complete;
	struct late late;
};

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

	if (n < 0 || smi_threads_has_ended(pid, tid))
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

static bool is_asleep(pid_t pid, pid_t tid)
{
	struct smi_proc_stat stat;

	return smi_proc_stat(pid, tid, &stat) == 0 && stat.state == SLEEPS;
}

static int seize(struct listing *listing, pid_t tid, enum smi_turn turn)
{
	int ret = 1;

	smi_step("to be seized");
	if (smi_seize(listing->threads, tid) < 0)
		ret = errno == ESRCH ? 0 : explain(listing, tid);
	if (ret <= 0)
		return ret;
	smi_step("seized");
	listing->is_complete = false;
	if (smi_threads_add(listing->threads, tid, turn) < 0)
		return smudge_error_set(listing->err, -ENOMEM, WHERE,
					"out of memory");
	smi_seize_wait_if_ended(tid); /* its signal came before it was added */
	return 0;
}

/* It may have made a child, or be about to, since it was looked at. */
static int seize_childless(struct listing *listing, pid_t tid)
{
	struct smi_threads *threads = listing->threads;
	int ret = seize(listing, tid, SMI_TURN_CHILDLESS);

	if (!ret && (!is_asleep(threads->pid, tid) ||
		     smi_proc_has_children(threads->pid, tid)))
		smi_threads_set_turn(threads, tid, SMI_TURN_OTHER);
	return ret;
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
	if (stat.state == SLEEPS && !smi_proc_has_children(pid, tid))
		return seize_childless(listing, tid);
	return put_off(&listing->late, tid)
		       ? 0
		       : seize(listing, tid, SMI_TURN_OTHER);
}

/* Looked at only now, for a call lasts less long than a listing. */
static bool is_of_turn(pid_t pid, pid_t tid, enum smi_turn turn)
{
	return turn == SMI_TURN_OTHER ||
	       (is_asleep(pid, tid) && smi_arch_may_be_interrupted(pid, tid));
}

static int seize_late(struct listing *listing, enum smi_turn turn)
{
	struct late *late = &listing->late;
	int ret = 0;

	smi_seize_wait_for_ended(listing->threads);
	for (size_t i = 0; i < late->n && !ret; i++) {
		pid_t tid = late->tids[i];

		if (!tid || !is_of_turn(listing->threads->pid, tid, turn))
			continue;
		late->tids[i] = 0;
		ret = seize(listing, tid, turn);
	}
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
	thread = smi_threads_find(listing->threads, tid);
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
	listing->nlisted = listing->late.n = 0;
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

	do {
		ret = list_once(listing);
		if (ret < 0 || listing->late.n == 0)
			return ret;
		ret = smi_proc_stat(threads->pid, threads->pid, &stat);
	} while (!ret && listing->nlisted != stat.nthreads && ++n < LISTINGS);
	if (ret < 0)
		return ret;
	smi_threads_interrupt(threads, SMI_TURN_CHILDLESS);
	ret = seize_late(listing, SMI_TURN_WAITS);
	return ret ? ret : seize_late(listing, SMI_TURN_OTHER);
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

int smi_gather_threads(struct smi_threads *threads, struct smudge_error *err)
{
	struct listing listing = {
		.threads = threads, .err = err, .is_complete = true};
	struct smi_proc_stat stat;
	int ret;

	smi_threads_ask_again(threads);
	ret = list(&listing);
	if (ret < 0)
		return list_failed(&listing, ret);
	for (int turn = 0; turn < SMI_NTURNS; turn++)
		smi_threads_interrupt(threads, (enum smi_turn)turn);
	if (!threads->nthreads &&
	    smi_threads_has_ended(threads->pid, threads->pid))
		return list_failed(&listing, -ESRCH);
	if (!threads->nthreads || !listing.is_complete ||
	    !smi_threads_all_stand(threads))
		return 0;
	/* Only now: to read it takes as long as a thread takes to stop. */
	ret = smi_proc_stat(threads->pid, threads->pid, &stat);
	return ret < 0 ? list_failed(&listing, ret)
		       : listing.nlisted == stat.nthreads;
}
