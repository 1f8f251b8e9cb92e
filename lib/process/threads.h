/* SPDX-License-Identifier: MIT */
/*
 * The threads of a process that the guardian traces: those that run user code.
 */
#ifndef LIB_PROCESS_THREADS_H
#define LIB_PROCESS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <smudge/error.h>

struct smi_thread {
	pid_t tid;
	bool is_asked; /* to stop, since they were last listed */
	bool is_stopped;
};

struct smi_threads {
	pid_t pid;
	struct smi_thread *of; /* mapped, since the guardian has no malloc */
	size_t nthreads;
	size_t capacity;
	uint64_t interrupted_ns; /* when the first was asked to stop; 0: none */
	uint64_t refused_ns;	 /* when one could not be seized; 0: none */
};

/*
 * smi_threads_seize - trace the threads that are not yet traced, and ask all to
 *      stop
 * @threads: those that are; gets new ones, loses those that we do not trace any
 *      more (since they ended, or became another by an exec)
 * @err: receives the failure; may be NULL
 *
 * Return: 1 if the threads are all there are and each of them stands; 0 if some
 * do not or new ones were found; -ESRCH (the process has ended), -EBUSY (traced
 * by another process), -EPERM (not allowed), -ENOMEM, -EMFILE, -ENFILE.
 */
int smi_threads_seize(struct smi_threads *threads, struct smudge_error *err);

/*
 * smi_threads_note_stop - this thread stands, whose stop was waited for; it may
 *      be one that has its id since an exec, and not be among them yet
 *
 * Return: 0 or -ENOMEM.
 */
int smi_threads_note_stop(struct smi_threads *threads, pid_t tid);

bool smi_threads_all_stand(const struct smi_threads *threads);

void smi_threads_remove(struct smi_threads *threads, pid_t tid);

void smi_threads_free(struct smi_threads *threads);

#endif
