/* SPDX-License-Identifier: MIT */
/*
 * Work that threads do in any order, and whose results are committed in the
 * order in which it was handed over.
 *
 * The work is in slots, which the caller has: slot i of n, used in turn. A slot
 * is claimed, filled and submitted by the caller; processed by a thread, beside
 * others; committed, one at a time, when all before it are; then free again.
 *
 *	claimed = submitted + 1 at most
 *	committed <= taken <= submitted <= committed + nslots
 *
 * It does not know failures: a slot is committed whether or not its work
 * succeeded, so a drain always ends.
 */
#ifndef LIB_QCOW2_PIPELINE_H
#define LIB_QCOW2_PIPELINE_H

#include <stddef.h>

struct smi_qcow2_pipeline;

struct smi_qcow2_pipeline_ops {
	/* In a thread of the pipeline, @worker of nthreads, beside others. */
	void (*process)(void *context, size_t worker, size_t slot);
	/* In any of its threads, in order, one at a time. Must be short. */
	void (*commit)(void *context, size_t slot);
};

/*
 * smi_qcow2_pipeline_create - start the threads; they block all signals
 * Return: 0, -ENOMEM, -EAGAIN (no thread).
 */
int smi_qcow2_pipeline_create(const struct smi_qcow2_pipeline_ops *ops,
			      void *context, size_t nthreads, size_t nslots,
			      struct smi_qcow2_pipeline **ret_pipeline);

/* Join the threads. What no thread has begun is neither processed nor
 * committed. NULL is a no-op. */
void smi_qcow2_pipeline_destroy(struct smi_qcow2_pipeline *pipeline);

/* Wait for the next slot to be free, for the caller's thread to fill. */
size_t smi_qcow2_pipeline_claim(struct smi_qcow2_pipeline *pipeline);

/* Hand over the slot claimed last. */
void smi_qcow2_pipeline_submit(struct smi_qcow2_pipeline *pipeline);

/* Wait until all that was submitted is committed. */
void smi_qcow2_pipeline_drain(struct smi_qcow2_pipeline *pipeline);

#endif
