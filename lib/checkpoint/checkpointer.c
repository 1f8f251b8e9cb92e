/* SPDX-License-Identifier: MIT */
/*
 * Checkpointers are created and destroyed.
 */
#include "checkpoint/checkpointer_objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checkpoint/calls.h"
#include "checkpoint/continue.h"
#include "checkpoint/folder.h"
#include "checkpoint/queue.h"
#include "checkpoint/store.h"
#include "checkpoint/target.h"
#include "qcow2/chain.h"
#include "sys/guard.h"
#include "sys/options.h"
#include "sys/space.h"
#include "common/thread.h"

#define DEFAULT_BUDGET_BYTES (UINT64_C(1) << 30)
#define DEFAULT_FULL_EVERY   64
/* Runs of one take: more need another one. */
#define BATCH_RUNS ((size_t)64 << 10)

static int check_options(const struct smudge_checkpointer_options *options,
			 struct smudge_error *err)
{
	bool has_folder = options->folder && options->folder[0];

	if (has_folder == !!options->disk)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"a checkpointer needs a folder or a "
					"disk, and not both");
	if (options->nregions && !options->regions)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"regions are missing");
	if (!options->quiesce != !options->resume)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"quiesce and resume need each other");
	if (options->quiesce_harvests && !options->quiesce)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"without quiesce it cannot harvest");
	if (options->rearm_policy != SMUDGE_REARM_ALWAYS &&
	    options->rearm_policy != SMUDGE_REARM_QUIESCED)
		return smudge_error_set(err, -EINVAL, SMI_WHERE,
					"there is no re-arm policy %d",
					(int)options->rearm_policy);
	return 0;
}

static int copy_options(struct smudge_checkpointer *cp,
			const struct smudge_checkpointer_options *options,
			struct smudge_error *err)
{
	struct smudge_checkpointer_options *to = &cp->options;
	int ret = smi_sys_options_copy(
		to, options,
		SMI_SYS_SHAPE(smudge_checkpointer_options, last_number),
		SMI_WHERE, err);

	if (!ret)
		ret = check_options(to, err);
	if (ret < 0)
		return ret;
	if (!to->memory_budget_bytes)
		to->memory_budget_bytes = DEFAULT_BUDGET_BYTES;
	if (!to->full_every)
		to->full_every = DEFAULT_FULL_EVERY;
	/* A longer chain would not be read. A disk has no chain. */
	if (to->full_every > SMI_QCOW2_MAX_IMAGES)
		to->full_every = SMI_QCOW2_MAX_IMAGES;
	if (to->disk)
		to->full_every = UINT32_MAX;
	if (!to->name)
		to->name = "checkpoint";
	cp->nthreads = smi_workers_count(to->nthreads);
	return 0;
}

/* The program may remove a region later: they are known by their ids. */
static int copy_regions(struct smudge_checkpointer *cp,
			struct smudge_error *err)
{
	size_t n = cp->options.nregions;

	cp->region_ids = calloc(n + 1, sizeof(*cp->region_ids));
	if (!cp->region_ids)
		return smi_checkpointer_no_memory(err);
	for (size_t i = 0; i < n; i++)
		cp->region_ids[i] = smudge_region_id(cp->options.regions[i]);
	return 0;
}

static int open_client(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	const struct smudge_client_options options = {
		.size = sizeof(options),
		.name = cp->options.name,
		.regions = cp->options.regions,
		.nregions = cp->options.nregions,
		.rearm_policy = cp->options.rearm_policy,
	};

	return smudge_client_open(cp->memory, &options, &cp->client, err);
}

static int open_folder(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	int ret = smi_folder_open_to_write(cp->options.folder, err);

	if (ret < 0)
		return ret;
	cp->folder_fd = ret;
	ret = smi_folder_newest(cp->folder_fd, &cp->last_number, err);
	return ret ? ret : smi_target_folder_create(cp, &cp->target, err);
}

/* A thread for committed, which may pass its deadline. */
static int start_call_thread(struct smudge_checkpointer *cp,
			     struct smudge_error *err)
{
	const struct smi_calls_options options = {
		.nthreads = 1,
		.deadline_ns = cp->options.store_deadline_ns,
	};

	if (!cp->options.committed || !options.deadline_ns)
		return 0;
	return smi_calls_create(&options, &cp->calls, err);
}

static int open_store(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	int ret;

	if (cp->options.disk) {
		cp->last_number = cp->options.last_number;
		return smi_target_disk_create(cp, &cp->target, err);
	}
	ret = open_folder(cp, err);
	return ret ? ret : start_call_thread(cp, err);
}

static int start_thread(struct smudge_checkpointer *cp,
			struct smudge_error *err)
{
	if (!thread_start(&cp->thread, smi_queue_run, cp))
		return 0;
	return smudge_error_set(err, -EAGAIN, SMI_WHERE,
				"no thread could be created to write layers");
}

static void init(struct smudge_checkpointer *cp, struct smudge_memory *memory)
{
	pthread_condattr_t attr;

	cp->memory = memory;
	cp->folder_fd = -1;
	cp->space = smi_sys_space_id();
	pthread_mutex_init(&cp->lock, NULL);
	pthread_mutex_init(&cp->pruning, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cp->changed, &attr);
	pthread_condattr_destroy(&attr);
	smi_copies_init(&cp->copies, cp->options.memory_budget_bytes);
}

/* Its thread does not run. Return: 0, -ETIMEDOUT (a call is left behind). */
static int clear(struct smudge_checkpointer *cp)
{
	int ret = smi_calls_destroy(cp->calls);

	/* No batch is open between two saves. */
	(void)smudge_client_close(cp->client);
	if (cp->batch)
		(void)smudge_batch_destroy(cp->batch);
	smi_workers_destroy(cp->workers);
	if (cp->target)
		cp->target->ops->destroy(cp->target);
	if (cp->folder_fd >= 0)
		close(cp->folder_fd);
	smi_moment_clear(&cp->moment);
	smi_blobs_free(cp->blobs, cp->nblobs);
	smi_copies_clear(&cp->copies);
	pthread_cond_destroy(&cp->changed);
	pthread_mutex_destroy(&cp->pruning);
	pthread_mutex_destroy(&cp->lock);
	free(cp->region_ids);
	free(cp);
	return ret;
}

static int open_all(struct smudge_checkpointer *cp, struct smudge_error *err)
{
	int ret = copy_regions(cp, err);

	if (!ret)
		ret = smudge_batch_create(BATCH_RUNS, &cp->batch, err);
	if (!ret)
		ret = open_store(cp, err);
	if (!ret)
		ret = smi_workers_create(cp->nthreads, &cp->workers, err);
	if (!ret)
		ret = open_client(cp, err);
	if (!ret && cp->options.clean_as_of)
		ret = smi_continue_chain(cp, cp->options.clean_as_of, err);
	return ret ? ret : start_thread(cp, err);
}

/* What is the program's was borrowed during the call only. */
static void forget_borrowed(struct smudge_checkpointer *cp)
{
	cp->options.folder = NULL;
	cp->options.name = NULL;
	cp->options.regions = NULL;
	cp->options.clean_as_of = NULL;
	cp->options.disk = NULL;
}

int smudge_checkpointer_create(
	struct smudge_memory *memory,
	const struct smudge_checkpointer_options *options,
	struct smudge_checkpointer **ret_checkpointer, struct smudge_error *err)
{
	struct smudge_error own = SMUDGE_ERROR_INIT;
	struct smudge_checkpointer *cp = calloc(1, sizeof(*cp));
	int ret;

	smudge_error_clear(err);
	if (!cp)
		return smi_checkpointer_no_memory(err);
	ret = copy_options(cp, options, err);
	if (ret < 0) {
		free(cp);
		return ret;
	}
	init(cp, memory);
	ret = open_all(cp, &own);
	if (ret < 0) {
		(void)clear(cp);
		if (err)
			*err = own;
		return ret;
	}
	forget_borrowed(cp);
	*ret_checkpointer = cp;
	return 0;
}

static void end(struct smudge_checkpointer *cp)
{
	SMI_SYS_GUARD(&cp->lock);
	cp->is_ending = true;
	pthread_cond_broadcast(&cp->changed);
}

int smudge_checkpointer_destroy(struct smudge_checkpointer *checkpointer)
{
	int ret;

	if (!checkpointer)
		return 0;
	ret = smi_sys_space_check(checkpointer->space, SMI_WHERE,
				  "checkpointer", NULL);
	if (ret < 0)
		return ret;
	end(checkpointer);
	pthread_join(checkpointer->thread, NULL);
	return clear(checkpointer);
}
