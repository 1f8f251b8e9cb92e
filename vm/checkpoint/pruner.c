/* SPDX-License-Identifier: MIT */
/*
 * One thread that prunes when it is asked to. What is asked for meanwhile is
 * done once, as it was asked for last.
 */
#include "checkpoint/pruner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/host.h"
#include "base/say.h"

struct pruner {
	struct smudge_checkpointer *checkpointer;
	pthread_t thread;
	atomic_bool is_ending; /* relaxed: nothing follows; set under lock */
	bool is_failing;       /* the thread's: the last one did */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_due;
	struct smudge_prune_options options;
};

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	struct pruner *pruner = opaque;

	return atomic_load_explicit(&pruner->is_ending, memory_order_relaxed);
}

static void prune(struct pruner *pruner,
		  const struct smudge_prune_options *options)
{
	struct smudge_error err = {0};
	bool fails = smudge_checkpointer_prune(pruner->checkpointer, options,
					       NULL, &err) < 0;

	if (fails && !pruner->is_failing && !progress(pruner, 0, 0))
		say("the layers are not pruned: %s", err.message);
	pruner->is_failing = fails;
}

/* Return: is it due? Else it is time to end. */
static bool wait_until_due(struct pruner *pruner,
			   struct smudge_prune_options *ret_options)
{
	bool is_ending;

	pthread_mutex_lock(&pruner->lock);
	while (!pruner->is_due && !progress(pruner, 0, 0))
		pthread_cond_wait(&pruner->changed, &pruner->lock);
	is_ending = progress(pruner, 0, 0);
	pruner->is_due = false;
	*ret_options = pruner->options;
	pthread_mutex_unlock(&pruner->lock);
	return !is_ending;
}

static void *run(void *opaque)
{
	struct smudge_prune_options options;

	while (wait_until_due(opaque, &options))
		prune(opaque, &options);
	return NULL;
}

static void destroy(struct pruner *pruner)
{
	pthread_cond_destroy(&pruner->changed);
	pthread_mutex_destroy(&pruner->lock);
	free(pruner);
}

struct pruner *pruner_create(struct smudge_checkpointer *checkpointer)
{
	struct pruner *pruner = calloc(1, sizeof(*pruner));

	if (!pruner)
		return NULL;
	pruner->checkpointer = checkpointer;
	pthread_mutex_init(&pruner->lock, NULL);
	pthread_cond_init(&pruner->changed, NULL);
	if (host_thread_start(&pruner->thread, run, pruner, 0) < 0) {
		destroy(pruner);
		return NULL;
	}
	return pruner;
}

void pruner_begin(struct pruner *pruner, const struct checkpoint_keep *keep,
		  bool uncompressed)
{
	pthread_mutex_lock(&pruner->lock);
	pruner->options = (struct smudge_prune_options){
		.size = sizeof(pruner->options),
		.keep_last = keep->last,
		.keep_hourly = keep->hourly,
		.keep_daily = keep->daily,
		.keep_weekly = keep->weekly,
		.garbage_percent = (unsigned int)keep->garbage_percent,
		.merge_all = keep->has_garbage && !keep->garbage_percent,
		.uncompressed = uncompressed,
		.progress = progress,
		.opaque = pruner,
	};
	pruner->is_due = true;
	pthread_cond_signal(&pruner->changed);
	pthread_mutex_unlock(&pruner->lock);
}

void pruner_destroy(struct pruner *pruner)
{
	if (!pruner)
		return;
	pthread_mutex_lock(&pruner->lock);
	atomic_store_explicit(&pruner->is_ending, true, memory_order_relaxed);
	pthread_cond_signal(&pruner->changed);
	pthread_mutex_unlock(&pruner->lock);
	pthread_join(pruner->thread, NULL);
	destroy(pruner);
}
