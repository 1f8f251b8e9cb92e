/* SPDX-License-Identifier: MIT */
/*
 * One thread that prunes when it is asked to.
 */
#include "checkpoint/pruner.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "common/thread.h"

struct checkpoint_pruner {
	struct smudge_checkpointer *checkpointer;
	struct smudge_prune_options options;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	bool is_due;
	bool is_ending;
};

static int progress(void *opaque, uint64_t done_bytes, uint64_t total_bytes)
{
	return interrupted();
}

static void prune(struct checkpoint_pruner *pruner)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;

	if (smudge_checkpointer_prune(pruner->checkpointer, &pruner->options,
				      NULL, &err) &&
	    !interrupted())
		fprintf(stderr, "smudge: the layers are not pruned: %s\n",
			err.message);
}

/* Return: is it due? Else it is time to end. */
static bool wait_until_due(struct checkpoint_pruner *pruner)
{
	bool is_due;

	pthread_mutex_lock(&pruner->lock);
	while (!pruner->is_due && !pruner->is_ending)
		pthread_cond_wait(&pruner->changed, &pruner->lock);
	is_due = pruner->is_due;
	pruner->is_due = false;
	pthread_mutex_unlock(&pruner->lock);
	return is_due;
}

static void *run(void *opaque)
{
	struct checkpoint_pruner *pruner = opaque;

	while (wait_until_due(pruner))
		prune(pruner);
	return NULL;
}

struct checkpoint_pruner *
checkpoint_pruner_create(const struct checkpoint_request *request,
			 struct smudge_checkpointer *checkpointer)
{
	struct checkpoint_pruner *pruner = calloc(1, sizeof(*pruner));

	if (!pruner)
		return NULL;
	pruner->checkpointer = checkpointer;
	pruner->options = (struct smudge_prune_options){
		.size = sizeof(pruner->options),
		.uncompressed = request->is_uncompressed,
		.progress = progress,
	};
	keep_options(&request->keep, &pruner->options);
	pthread_mutex_init(&pruner->lock, NULL);
	pthread_cond_init(&pruner->changed, NULL);
	return pruner;
}

/* Signals are for the thread that waits for checkpoints. */
static bool start(struct checkpoint_pruner *pruner)
{
	pruner->has_thread = thread_start(&pruner->thread, run, pruner) == 0;
	return pruner->has_thread;
}

void checkpoint_pruner_begin(struct checkpoint_pruner *pruner)
{
	if (!pruner->has_thread && !start(pruner)) {
		fprintf(stderr, "smudge: the layers are not pruned: no thread "
				"could be created\n");
		return;
	}
	pthread_mutex_lock(&pruner->lock);
	pruner->is_due = true;
	pthread_cond_signal(&pruner->changed);
	pthread_mutex_unlock(&pruner->lock);
}

void checkpoint_pruner_destroy(struct checkpoint_pruner *pruner)
{
	if (!pruner)
		return;
	pthread_mutex_lock(&pruner->lock);
	pruner->is_ending = true;
	pthread_cond_signal(&pruner->changed);
	pthread_mutex_unlock(&pruner->lock);
	if (pruner->has_thread)
		pthread_join(pruner->thread, NULL);
	pthread_cond_destroy(&pruner->changed);
	pthread_mutex_destroy(&pruner->lock);
	free(pruner);
}
