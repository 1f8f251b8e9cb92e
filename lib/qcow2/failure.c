/* SPDX-License-Identifier: MIT */
/*
 * The first failure of several threads.
 */
#include "qcow2/failure.h"

#include <errno.h>

#include "sys/guard.h"

void smi_qcow2_failure_init(struct smi_qcow2_failure *failure)
{
	atomic_init(&failure->state, 0);
	pthread_mutex_init(&failure->lock, NULL);
	smudge_error_clear(&failure->first);
}

void smi_qcow2_failure_clear(struct smi_qcow2_failure *failure)
{
	pthread_mutex_destroy(&failure->lock);
}

/* Relaxed: nothing but the state itself is read without the lock. */
static bool decide(struct smi_qcow2_failure *failure, int code)
{
	int none = 0;

	return atomic_compare_exchange_strong_explicit(
		&failure->state, &none, code, memory_order_relaxed,
		memory_order_relaxed);
}

void smi_qcow2_failure_note(struct smi_qcow2_failure *failure,
			    const struct smudge_error *own)
{
	SMI_SYS_GUARD(&failure->lock);

	if (decide(failure, own->code))
		failure->first = *own;
}

void smi_qcow2_failure_cancel(struct smi_qcow2_failure *failure)
{
	decide(failure, -ECANCELED);
}

int smi_qcow2_failure_get(struct smi_qcow2_failure *failure,
			  struct smudge_error *err)
{
	SMI_SYS_GUARD(&failure->lock);
	int state = atomic_load_explicit(&failure->state, memory_order_relaxed);

	if (!state)
		return 0;
	if (!failure->first.code)
		return smudge_error_set(err, state, "qcow2",
					"writing the image was cancelled");
	if (err)
		*err = failure->first;
	return state;
}
