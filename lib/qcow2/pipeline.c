/* SPDX-License-Identifier: MIT */
/*
 * Threads over a ring of slots.
 */
#include "qcow2/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "sys/guard.h"
#include "common/thread.h"

struct worker {
	struct smi_qcow2_pipeline *pipeline;
	size_t index;
	pthread_t thread;
};

struct smi_qcow2_pipeline {
	const struct smi_qcow2_pipeline_ops *ops;
	void *context;
	size_t nslots;
	pthread_mutex_t lock;
	pthread_cond_t submitted_one; /* or it ends */
	pthread_cond_t committed_some;
	/* All below: lock. Numbers of slots since the beginning. */
	uint64_t submitted, taken, committed;
	bool *is_processed; /* of each slot */
	bool ends;
	size_t nworkers;
	struct worker workers[];
};

/* The number of a slot's work, or false when the thread ends. */
static bool take(struct smi_qcow2_pipeline *p, uint64_t *ret_number)
{
	SMI_SYS_GUARD(&p->lock);

	while (!p->ends && p->taken == p->submitted)
		pthread_cond_wait(&p->submitted_one, &p->lock);
	if (p->ends)
		return false;
	*ret_number = p->taken++;
	return true;
}

static void processed(struct smi_qcow2_pipeline *p, uint64_t number)
{
	SMI_SYS_GUARD(&p->lock);

	p->is_processed[number % p->nslots] = true;
	while (p->is_processed[p->committed % p->nslots]) {
		p->is_processed[p->committed % p->nslots] = false;
		p->ops->commit(p->context, p->committed % p->nslots);
		p->committed++;
	}
	pthread_cond_signal(&p->committed_some);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct smi_qcow2_pipeline *p = worker->pipeline;
	uint64_t number;

	while (take(p, &number)) {
		p->ops->process(p->context, worker->index, number % p->nslots);
		processed(p, number);
	}
	return NULL;
}

/* Return: 0, -EAGAIN: some may run. */
static int start(struct smi_qcow2_pipeline *p, size_t nthreads)
{
	int ret = 0;

	for (size_t i = 0; i < nthreads && !ret; i++) {
		struct worker *worker = &p->workers[i];

		worker->pipeline = p;
		worker->index = i;
		ret = thread_start(&worker->thread, work, worker);
		p->nworkers += !ret;
	}
	return ret ? -EAGAIN : 0;
}

int smi_qcow2_pipeline_create(const struct smi_qcow2_pipeline_ops *ops,
			      void *context, size_t nthreads, size_t nslots,
			      struct smi_qcow2_pipeline **ret_pipeline)
{
	struct smi_qcow2_pipeline *p =
		calloc(1, sizeof(*p) + nthreads * sizeof(p->workers[0]));
	int ret;

	if (!p)
		return -ENOMEM;
	p->is_processed = calloc(nslots, sizeof(*p->is_processed));
	if (!p->is_processed) {
		free(p);
		return -ENOMEM;
	}
	p->ops = ops;
	p->context = context;
	p->nslots = nslots;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->submitted_one, NULL);
	pthread_cond_init(&p->committed_some, NULL);
	ret = start(p, nthreads);
	if (ret < 0) {
		smi_qcow2_pipeline_destroy(p);
		return ret;
	}
	*ret_pipeline = p;
	return 0;
}

static void end(struct smi_qcow2_pipeline *p)
{
	SMI_SYS_GUARD(&p->lock);

	p->ends = true;
	pthread_cond_broadcast(&p->submitted_one);
}

void smi_qcow2_pipeline_destroy(struct smi_qcow2_pipeline *pipeline)
{
	if (!pipeline)
		return;
	end(pipeline);
	for (size_t i = 0; i < pipeline->nworkers; i++)
		pthread_join(pipeline->workers[i].thread, NULL);
	pthread_cond_destroy(&pipeline->committed_some);
	pthread_cond_destroy(&pipeline->submitted_one);
	pthread_mutex_destroy(&pipeline->lock);
	free(pipeline->is_processed);
	free(pipeline);
}

size_t smi_qcow2_pipeline_claim(struct smi_qcow2_pipeline *pipeline)
{
	struct smi_qcow2_pipeline *p = pipeline;
	SMI_SYS_GUARD(&p->lock);

	while (p->submitted - p->committed == p->nslots)
		pthread_cond_wait(&p->committed_some, &p->lock);
	return p->submitted % p->nslots;
}

void smi_qcow2_pipeline_submit(struct smi_qcow2_pipeline *pipeline)
{
	SMI_SYS_GUARD(&pipeline->lock);

	pipeline->submitted++;
	pthread_cond_signal(&pipeline->submitted_one);
}

void smi_qcow2_pipeline_drain(struct smi_qcow2_pipeline *pipeline)
{
	struct smi_qcow2_pipeline *p = pipeline;
	SMI_SYS_GUARD(&p->lock);

	while (p->committed != p->submitted)
		pthread_cond_wait(&p->committed_some, &p->lock);
}
