/* SPDX-License-Identifier: MIT */
/*
 * All threads of a process come to a stop, in an order in which no call of
 * theirs is hurt.
 */
#ifndef LIB_PROCESS_GATHER_H
#define LIB_PROCESS_GATHER_H

#include <smudge/error.h>

#include "process/threads.h"

/*
 * smi_gather_threads - trace the threads that are not yet traced, and ask all
 * to stop
 * @threads: those that are; gets new ones, loses those that we do not trace any
 *      more (since they ended, or became another by an exec)
 * @err: receives the failure; may be NULL
 *
 * Return: 1 if the threads are all there are and each of them stands; 0 if some
 * do not or new ones were found; -ESRCH (the process has ended), -EBUSY (traced
 * by another process), -EPERM (not allowed), -ENOMEM, -EMFILE, -ENFILE.
 */
int smi_gather_threads(struct smi_threads *threads, struct smudge_error *err);

#endif
