/* SPDX-License-Identifier: MIT */
/*
 * Only the calls that vm/checkpoint makes to save.
 */
#include "fake_library.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <smudge/checkpoint.h>
#include <smudge/prune.h>

struct smudge_checkpointer {
	struct smudge_checkpointer_options options;
	bool is_saving;
	bool is_cancelled;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fake_counts counts;
static int stop_step = -1, here = -1;
static int failures[FAKE_NALL];

void fake_reset(void)
{
	counts = (struct fake_counts){0};
	stop_step = here = -1;
	for (int i = 0; i < FAKE_NALL; i++)
		failures[i] = 0;
}

struct fake_counts fake_counts(void)
{
	struct fake_counts now;

	pthread_mutex_lock(&lock);
	now = counts;
	pthread_mutex_unlock(&lock);
	return now;
}

void fake_stop_at(enum fake_step step)
{
	pthread_mutex_lock(&lock);
	stop_step = step;
	pthread_mutex_unlock(&lock);
}

void fake_await(enum fake_step step)
{
	pthread_mutex_lock(&lock);
	while (here != (int)step)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void fake_go_on(void)
{
	pthread_mutex_lock(&lock);
	stop_step = -1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void fake_fail(enum fake_step step, int code)
{
	pthread_mutex_lock(&lock);
	failures[step] = code;
	pthread_mutex_unlock(&lock);
}

/* The step's failure, if it has one. */
static int step(enum fake_step step, struct smudge_error *err)
{
	int code;

	pthread_mutex_lock(&lock);
	here = step;
	pthread_cond_broadcast(&changed);
	while (stop_step == (int)step)
		pthread_cond_wait(&changed, &lock);
	here = -1;
	code = failures[step];
	failures[step] = 0;
	pthread_mutex_unlock(&lock);
	if (code)
		smudge_error_set(err, code, "fake", "step %d fails", step);
	return code;
}

int smudge_checkpointer_create(
	struct smudge_memory *memory,
	const struct smudge_checkpointer_options *options,
	struct smudge_checkpointer **ret_checkpointer, struct smudge_error *err)
{
	int ret = step(FAKE_CREATE, err);

	if (ret)
		return ret;
	*ret_checkpointer = calloc(1, sizeof(**ret_checkpointer));
	if (!*ret_checkpointer)
		return -ENOMEM;
	(*ret_checkpointer)->options = *options;
	pthread_mutex_lock(&lock);
	counts.creates++;
	counts.open++;
	if (counts.open > counts.most_open)
		counts.most_open = counts.open;
	pthread_mutex_unlock(&lock);
	return 0;
}

int smudge_checkpointer_destroy(struct smudge_checkpointer *checkpointer)
{
	if (!checkpointer)
		return 0;
	free(checkpointer);
	pthread_mutex_lock(&lock);
	counts.destroys++;
	counts.open--;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int check_cancelled(struct smudge_checkpointer *checkpointer,
			   struct smudge_error *err)
{
	bool is_cancelled;

	pthread_mutex_lock(&lock);
	is_cancelled = checkpointer->is_cancelled;
	pthread_mutex_unlock(&lock);
	return is_cancelled ? smudge_error_set(err, -ECANCELED, "fake",
					       "it was cancelled")
			    : 0;
}

static void set_saving(struct smudge_checkpointer *checkpointer, bool is_saving)
{
	pthread_mutex_lock(&lock);
	checkpointer->is_saving = is_saving;
	checkpointer->is_cancelled = false;
	counts.saves += is_saving;
	pthread_mutex_unlock(&lock);
}

static int pause_and_copy(struct smudge_checkpointer *checkpointer,
			  struct smudge_error *err)
{
	const struct smudge_checkpointer_options *options =
		&checkpointer->options;
	int ret = options->quiesce(options->opaque, err);

	if (ret)
		return ret;
	ret = step(FAKE_PAUSED, err);
	if (!ret)
		ret = options->save_state(options->opaque, checkpointer, err);
	if (options->resume(options->opaque, err))
		return -EIO;
	return ret;
}

int smudge_checkpointer_save(struct smudge_checkpointer *checkpointer,
			     const struct smudge_save_options *options,
			     uint64_t *ret_ticket, struct smudge_error *err)
{
	int ret;

	set_saving(checkpointer, true);
	counts.was_full = options->is_full;
	ret = step(FAKE_ENTRY, err);
	if (!ret)
		ret = check_cancelled(checkpointer, err);
	if (!ret)
		ret = pause_and_copy(checkpointer, err);
	if (!ret)
		ret = step(FAKE_COPIED, err);
	if (!ret)
		ret = check_cancelled(checkpointer, err);
	if (ret)
		set_saving(checkpointer, false);
	*ret_ticket = 1;
	return ret;
}

int smudge_checkpoint_add_blob(struct smudge_checkpointer *checkpointer,
			       const char *name, const void *bytes,
			       size_t length_bytes, struct smudge_error *err)
{
	pthread_mutex_lock(&lock);
	counts.blob_bytes = length_bytes;
	pthread_mutex_unlock(&lock);
	return 0;
}

int smudge_checkpointer_wait(struct smudge_checkpointer *checkpointer,
			     uint64_t ticket, struct smudge_layer_info *info,
			     struct smudge_error *err)
{
	int ret = step(FAKE_WAIT, err);

	if (!ret)
		ret = check_cancelled(checkpointer, err);
	set_saving(checkpointer, false);
	info->number = counts.saves;
	return ret;
}

int smudge_checkpointer_prune(struct smudge_checkpointer *checkpointer,
			      const struct smudge_prune_options *options,
			      struct smudge_prune_result *result,
			      struct smudge_error *err)
{
	int ret = step(FAKE_PRUNE, err);

	pthread_mutex_lock(&lock);
	counts.prunes++;
	counts.keep_last = options->keep_last;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* No disk is there. */
int smudge_chain_open_disk(const struct smudge_disk *disk,
			   struct smudge_chain **ret_chain,
			   struct smudge_error *err)
{
	return smudge_error_set(err, -ENODATA, "fake", "there is no disk");
}

int smudge_chain_layer(struct smudge_chain *chain, size_t index,
		       struct smudge_layer_info *info, struct smudge_error *err)
{
	return smudge_error_set(err, -EINVAL, "fake", "there is no chain");
}

void smudge_chain_close(struct smudge_chain *chain)
{
}

/* As the library's: only saves that are under way. */
void smudge_checkpointer_cancel(struct smudge_checkpointer *checkpointer)
{
	pthread_mutex_lock(&lock);
	checkpointer->is_cancelled = checkpointer->is_saving;
	pthread_mutex_unlock(&lock);
}

int smudge_checkpointer_stats(struct smudge_checkpointer *checkpointer,
			      struct smudge_checkpointer_stats *stats)
{
	stats->waiting_pages = 5;
	return 0;
}
