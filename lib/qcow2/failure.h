/* SPDX-License-Identifier: MIT */
/*
 * The first failure of several threads that work on one thing, or that the
 * thing was cancelled: whichever came first.
 */
#ifndef LIB_QCOW2_FAILURE_H
#define LIB_QCOW2_FAILURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <smudge/error.h>

struct smi_qcow2_failure {
	atomic_int state; /* 0, a failure's -errno, or -ECANCELED */
	pthread_mutex_t lock;
	struct smudge_error first; /* lock */
};

void smi_qcow2_failure_init(struct smi_qcow2_failure *failure);
void smi_qcow2_failure_clear(struct smi_qcow2_failure *failure);

/* Any thread: note @own, unless something is noted. */
void smi_qcow2_failure_note(struct smi_qcow2_failure *failure,
			    const struct smudge_error *own);

/* Any thread, also in a signal handler: takes no lock. */
void smi_qcow2_failure_cancel(struct smi_qcow2_failure *failure);

/* Any thread: should it give up? What was noted is in no order with it. */
static inline bool smi_qcow2_failure_is(struct smi_qcow2_failure *failure)
{
	return atomic_load_explicit(&failure->state, memory_order_relaxed) != 0;
}

/* Return: 0, or what was noted, with its sentence. */
int smi_qcow2_failure_get(struct smi_qcow2_failure *failure,
			  struct smudge_error *err);

#endif
