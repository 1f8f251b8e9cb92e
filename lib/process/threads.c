/* SPDX-License-Identifier: MIT */
/*
 * An array, found in by a walk: a stop looks each thread up a few times.
 */
#include "process/threads.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "process/proc.h"
#include "process/step.h"
#include "sys/clock.h"

#define FIRST_COUNT 256

struct smi_thread *smi_threads_find(const struct smi_threads *threads,
				    pid_t tid)
{
	for (size_t i = 0; i < threads->nthreads; i++)
		if (threads->of[i].tid == tid)
			return &threads->of[i];
	return NULL;
}

void smi_threads_remove(struct smi_threads *threads, pid_t tid)
{
	struct smi_thread *thread = smi_threads_find(threads, tid);

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

int smi_threads_add(struct smi_threads *threads, pid_t tid, enum smi_turn turn)
{
	if (threads->nthreads == threads->capacity && grow(threads) < 0)
		return -ENOMEM;
	threads->of[threads->nthreads++] =
		(struct smi_thread){.tid = tid, .turn = turn};
	return 0;
}

void smi_threads_set_turn(struct smi_threads *threads, pid_t tid,
			  enum smi_turn turn)
{
	struct smi_thread *thread = smi_threads_find(threads, tid);

	if (thread)
		thread->turn = turn;
}

int smi_threads_note_stop(struct smi_threads *threads, pid_t tid)
{
	if (!smi_threads_find(threads, tid) &&
	    smi_threads_add(threads, tid, SMI_TURN_OTHER) < 0)
		return -ENOMEM;
	smi_threads_find(threads, tid)->is_stopped = true;
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
		thread->is_told = thread->is_asked =
			ptrace(PTRACE_INTERRUPT, thread->tid, NULL, NULL) == 0;
	return thread->is_stopped || thread->is_asked;
}

void smi_threads_ask_again(struct smi_threads *threads)
{
	for (size_t i = 0; i < threads->nthreads; i++)
		threads->of[i].is_asked = false;
}

void smi_threads_interrupt(struct smi_threads *threads, enum smi_turn turn)
{
	if (!threads->interrupted_ns)
		threads->interrupted_ns = smi_sys_now_ns();
	for (size_t i = 0; i < threads->nthreads;) {
		struct smi_thread *thread = &threads->of[i];

		if (thread->turn != turn) {
			i++;
			continue;
		}
		if (interrupt(thread))
			i++;
		else
			*thread = threads->of[--threads->nthreads];
		smi_step("interrupted");
	}
}

/* Is its state one of these letters, or has it none any more? */
static bool is_state_of(pid_t pid, pid_t tid, const char *letters)
{
	struct smi_proc_stat stat;

	return smi_proc_stat(pid, tid, &stat) < 0 ||
	       strchr(letters, stat.state);
}

bool smi_threads_has_ended(pid_t pid, pid_t tid)
{
	return is_state_of(pid, tid, "ZX");
}

bool smi_threads_are_stopping(const struct smi_threads *threads)
{
	for (size_t i = 0; i < threads->nthreads; i++) {
		const struct smi_thread *thread = &threads->of[i];

		if (thread->is_told && !thread->is_stopped &&
		    !is_state_of(threads->pid, thread->tid, "DZX"))
			return true;
	}
	return false;
}

void smi_threads_free(struct smi_threads *threads)
{
	if (threads->capacity)
		munmap(threads->of, threads->capacity * sizeof(*threads->of));
	threads->of = NULL;
	threads->nthreads = threads->capacity = 0;
}
