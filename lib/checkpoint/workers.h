/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait for work which is shared out among them and the caller.
 *
 * They exist before a pause begins, since creating one takes as long as copying
 * many pages. All signals are blocked in them.
 */
#ifndef LIB_CHECKPOINT_WORKERS_H
#define LIB_CHECKPOINT_WORKERS_H

#include <pthread.h>

#include <smudge/error.h>

#define SMI_MAX_WORKERS 64

struct smi_workers;

/* @nthreads, or if that is 0 the processors of this process, at most 8. */
unsigned int smi_workers_count(unsigned int nthreads);

/*
 * smi_workers_create - @nthreads - 1 threads, for the caller is one too
 * Return: 0, -EAGAIN (no thread), -ENOMEM.
 */
int smi_workers_create(unsigned int nthreads, struct smi_workers **ret_workers,
		       struct smudge_error *err);
/* Ends the threads. NULL is a no-op. */
void smi_workers_destroy(struct smi_workers *workers);

/*
 * smi_workers_run - call @work once on each thread and here; returns when all
 *      calls did
 * Threads: one at a time.
 */
void smi_workers_run(struct smi_workers *workers, void (*work)(void *opaque),
		     void *opaque);

#endif
