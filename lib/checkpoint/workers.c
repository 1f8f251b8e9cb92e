/* SPDX-License-Identifier: MIT */
/*
 * A round is one call of smi_workers_run: each thread works once per round.
 */
#include "checkpoint/workers.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "sys/guard.h"
#include "common/thread.h"

#define DEFAULT_MAX 8

struct smi_workers {
	pthread_mutex_t lock; /* of all that follows, but the threads */
	pthread_cond_t begun, done;
	uint64_t round;
	unsigned int busy; /* threads that work in this round */
	bool is_ending;
	void (*work)(void *opaque);
	void *opaque;
	unsigned int nthreads;
	pthread_t threads[SMI_MAX_WORKERS];
};

unsigned int smi_workers_count(unsigned int nthreads)
{
	cpu_set_t set;
	int n = 1;

	if (nthreads)
		return nthreads < SMI_MAX_WORKERS ? nthreads : SMI_MAX_WORKERS;
	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	if (n < 1)
		return 1;
	return n < DEFAULT_MAX ? (unsigned int)n : DEFAULT_MAX;
}

/* Return: false when the threads shall end. The lock is held. */
static bool next_round(struct smi_workers *workers, uint64_t *round)
{
	while (workers->round == *round && !workers->is_ending)
		pthread_cond_wait(&workers->begun, &workers->lock);
	*round = workers->round;
	return !workers->is_ending;
}

static void *run_thread(void *opaque)
{
	struct smi_workers *workers = opaque;
	uint64_t round = 0;

	SMI_SYS_GUARD(&workers->lock);
	while (next_round(workers, &round)) {
		pthread_mutex_unlock(&workers->lock);
		workers->work(workers->opaque);
		pthread_mutex_lock(&workers->lock);
		if (!--workers->busy)
			pthread_cond_signal(&workers->done);
	}
	return NULL;
}

int smi_workers_create(unsigned int nthreads, struct smi_workers **ret_workers,
		       struct smudge_error *err)
{
	struct smi_workers *workers = calloc(1, sizeof(*workers));

	if (!workers)
		return smudge_error_set(err, -ENOMEM, "checkpoint",
					"no memory for threads");
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->begun, NULL);
	pthread_cond_init(&workers->done, NULL);
	while (workers->nthreads + 1 < nthreads) {
		int ret = thread_start(&workers->threads[workers->nthreads],
				       run_thread, workers);

		if (ret < 0) {
			smi_workers_destroy(workers);
			return smudge_error_set(err, -EAGAIN, "checkpoint",
						"no thread could be created to "
						"copy pages");
		}
		workers->nthreads++;
	}
	*ret_workers = workers;
	return 0;
}

static void end(struct smi_workers *workers)
{
	SMI_SYS_GUARD(&workers->lock);
	workers->is_ending = true;
	pthread_cond_broadcast(&workers->begun);
}

void smi_workers_destroy(struct smi_workers *workers)
{
	if (!workers)
		return;
	end(workers);
	for (unsigned int i = 0; i < workers->nthreads; i++)
		pthread_join(workers->threads[i], NULL);
	pthread_cond_destroy(&workers->done);
	pthread_cond_destroy(&workers->begun);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

static void begin_round(struct smi_workers *workers, void (*work)(void *opaque),
			void *opaque)
{
	SMI_SYS_GUARD(&workers->lock);
	workers->work = work;
	workers->opaque = opaque;
	workers->busy = workers->nthreads;
	workers->round++;
	pthread_cond_broadcast(&workers->begun);
}

void smi_workers_run(struct smi_workers *workers, void (*work)(void *opaque),
		     void *opaque)
{
	if (workers->nthreads)
		begin_round(workers, work, opaque);
	work(opaque);
	if (!workers->nthreads)
		return;
	SMI_SYS_GUARD(&workers->lock);
	while (workers->busy)
		pthread_cond_wait(&workers->done, &workers->lock);
}
