/* SPDX-License-Identifier: MIT */
/*
 * What calls.c and calls_wait.c share.
 */
#ifndef LIB_CHECKPOINT_CALLS_OBJECTS_H
#define LIB_CHECKPOINT_CALLS_OBJECTS_H

#include <pthread.h>

#include "checkpoint/calls.h"

struct smi_calls_thread {
	struct smi_calls *calls;
	pthread_t thread;
	uint8_t *scratch; /* NULL: none */
};

struct smi_calls {
	struct smi_calls_options options;
	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t changed;
	struct smi_call *first, *last; /* not begun */
	struct smi_call *running;      /* a list */
	unsigned int nqueued, nrunning;
	uint64_t round;
	int failed; /* 0, or the round's failure, which err explains */
	struct smudge_error err;
	bool is_cancelled;
	uint64_t cancelled_ns; /* when cancel was called last; 0: not yet */
	bool is_ending;
	unsigned int nthreads; /* that were started */
	unsigned int nusers;   /* threads, and the owner */
	struct smi_calls_thread threads[];
};

/* The round's first failure. The lock is held. */
void smi_calls_fail(struct smi_calls *calls, int error,
		    const struct smudge_error *err);

#endif
