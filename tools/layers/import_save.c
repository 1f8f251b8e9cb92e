/* SPDX-License-Identifier: MIT */
/*
 * A checkpoint of the files' memory.
 *
 * A thread of its own makes it, while this one shows progress and receives
 * signals.
 */
#include "layers/import.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <smudge/checkpoint.h>

#include "clock.h"
#include "common/clock.h"
#include "layers/import_memory.h"
#include "work.h"
#include "common/thread.h"

#define NAME	     "layers"
#define POLL_NS	     (20 * CLOCK_NS_PER_MS)
#define BUDGET_BYTES (UINT64_C(64) << 20)
/* No full layer in place of a diff, as far as chains are read. */
#define LONGEST_CHAIN 4096

struct saving {
	struct import *import;
	struct smudge_memory *memory;
	struct smudge_checkpointer *checkpointer;
	struct smudge_layer_info info;
	int ret;
	struct smudge_error err;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over; /* lock */
};

static int quiesce(void *opaque, struct smudge_error *err)
{
	return 0;
}

/* All is read now. */
static int check_files(void *opaque, struct smudge_error *err)
{
	const struct saving *saving = opaque;
	const struct import *import = saving->import;
	int ret = 0;

	for (size_t i = 0; i < import->request->npaths && !ret; i++)
		ret = import_file_check(&import->files[i], err);
	return ret;
}

static int open_all(struct saving *saving, struct smudge_error *err)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = saving->import->request->folder,
		.quiesce = quiesce,
		.resume = check_files,
		.opaque = saving,
		.memory_budget_bytes = BUDGET_BYTES,
		.full_every = LONGEST_CHAIN,
		.clean_as_of = saving->import->parent,
	};
	int ret = import_memory_create(saving->import, &saving->memory, err);

	if (!ret)
		ret = smudge_checkpointer_create(saving->memory, &options,
						 &saving->checkpointer, err);
	if (!ret && saving->import->parent)
		import_memory_mark(saving->import);
	return ret;
}

static void *run(void *opaque)
{
	struct saving *saving = opaque;
	uint64_t ticket;

	saving->ret = smudge_checkpointer_save(saving->checkpointer, NULL,
					       &ticket, &saving->err);
	if (!saving->ret)
		saving->ret =
			smudge_checkpointer_wait(saving->checkpointer, ticket,
						 &saving->info, &saving->err);
	pthread_mutex_lock(&saving->lock);
	saving->is_over = true;
	pthread_cond_signal(&saving->changed);
	pthread_mutex_unlock(&saving->lock);
	return NULL;
}

/* Return: is it over? */
static bool wait_a_little(struct saving *saving)
{
	int64_t until_ns = clock_now_ns() + POLL_NS;
	const struct timespec until = {.tv_sec = until_ns / CLOCK_NS_PER_S,
				       .tv_nsec = until_ns % CLOCK_NS_PER_S};
	bool is_over;

	pthread_mutex_lock(&saving->lock);
	if (!saving->is_over)
		pthread_cond_timedwait(&saving->changed, &saving->lock, &until);
	is_over = saving->is_over;
	pthread_mutex_unlock(&saving->lock);
	return is_over;
}

static void wait_for_end(struct saving *saving)
{
	struct import *import = saving->import;
	bool is_cancelled = false;
	struct work work;

	work_begin(&work, "read", import->request->is_json);
	while (!wait_a_little(saving)) {
		uint64_t done = atomic_load_explicit(&import->read_bytes,
						     memory_order_relaxed);

		work_show(&work, (double)done,
			  (double)(done > import->data_bytes
					   ? done
					   : import->data_bytes));
		if (interrupted() && !is_cancelled) {
			smudge_checkpointer_cancel(saving->checkpointer);
			is_cancelled = true;
		}
	}
	work_end(&work);
}

static void init(struct saving *saving)
{

	pthread_mutex_init(&saving->lock, NULL);
	thread_cond_init(&saving->changed);
}

/* Signals are for the thread that waits. */
static int start(struct saving *saving, pthread_t *ret_thread)
{
	int ret = thread_start(ret_thread, run, saving);

	return ret ? smudge_error_set(&saving->err, ret, NAME,
				      "no thread could be created")
		   : 0;
}

static int save(struct saving *saving)
{
	pthread_t thread;
	int ret;

	init(saving);
	ret = start(saving, &thread);
	if (!ret) {
		wait_for_end(saving);
		pthread_join(thread, NULL);
		ret = saving->ret;
	}
	pthread_cond_destroy(&saving->changed);
	pthread_mutex_destroy(&saving->lock);
	return ret;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

int import_save(struct import *import, struct smudge_layer_info *ret_info,
		struct smudge_error *err)
{
	struct saving saving = {
		.import = import,
		.info = {.size = sizeof(saving.info)},
		.err = SMUDGE_ERROR_INIT,
	};
	bool was_there = is_there(import->request->folder);
	int ret = open_all(&saving, &saving.err);

	if (!ret)
		ret = save(&saving);
	(void)smudge_checkpointer_destroy(saving.checkpointer);
	if (saving.memory)
		(void)smudge_memory_destroy(saving.memory, NULL);
	/* Only where nothing is in it. */
	if (ret && !was_there)
		(void)rmdir(import->request->folder);
	if (ret)
		*err = saving.err;
	else
		*ret_info = saving.info;
	return ret;
}
