/* SPDX-License-Identifier: MIT */
/*
 * The registers and signals of the threads of a process that stands.
 */
#ifndef LIB_PROCESS_THREAD_STATES_H
#define LIB_PROCESS_THREAD_STATES_H

#include <stddef.h>

#include <smudge/error.h>
#include <smudge/process.h>

#include "process/stop.h"

struct smi_thread_states {
	char *memory; /* mapped, since the guardian has no malloc */
	size_t nbytes;
	size_t stride_bytes; /* of one thread */
	size_t nthreads;
};

/*
 * smi_thread_states_read - read those of all threads; in the guardian
 *
 * Return: 0, -ESRCH (the process was killed), -ENOMEM, -EIO.
 */
int smi_thread_states_read(const struct smi_stop *stop,
			   struct smi_thread_states *states,
			   struct smudge_error *err);

/* Thread @i; its pointers are into @states. */
void smi_thread_states_get(const struct smi_thread_states *states, size_t i,
			   struct smudge_process_thread *ret_thread);

void smi_thread_states_free(struct smi_thread_states *states);

#endif
