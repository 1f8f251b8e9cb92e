/* SPDX-License-Identifier: MIT */
/*
 * The callbacks of the checkpointer, and its life.
 *
 * A cancel may come before the checkpointer has begun its save, where the
 * library has nothing to cancel. So it is noted too, and asked for at each
 * step.
 */
#include "checkpoint/saver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/say.h"
#include "checkpoint/pruner.h"
#include "machine/lost.h"
#include "machine/machine.h"
#include "machine/moment.h"
#include "machine/run_control.h"

#define WHERE "checkpoint"

struct saver {
	struct machine *machine;
	atomic_bool
		is_cancelled;  /* release by saver_cancel, acquire by steps */
	char *folder;	       /* the thread's that opens; NULL: none */
	struct stat identity;  /* of the folder */
	struct pruner *pruner; /* of the checkpointer; NULL: not needed yet */

	pthread_mutex_t lock;
	struct smudge_checkpointer *checkpointer; /* changed under lock */
};

int saver_create(struct machine *machine, struct saver **ret,
		 struct smudge_error *err)
{
	struct saver *saver = calloc(1, sizeof(*saver));

	if (!saver)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	saver->machine = machine;
	pthread_mutex_init(&saver->lock, NULL);
	*ret = saver;
	return 0;
}

static bool is_cancelled(struct saver *saver)
{
	return atomic_load_explicit(&saver->is_cancelled, memory_order_acquire);
}

static int cancelled(struct smudge_error *err)
{
	return smudge_error_set(err, -ECANCELED, WHERE,
				"the checkpoint was cancelled");
}

static int quiesce(void *opaque, struct smudge_error *err)
{
	struct saver *saver = opaque;

	if (is_cancelled(saver))
		return cancelled(err);
	return run_control_hold(saver->machine, err);
}

static int resume(void *opaque, struct smudge_error *err)
{
	struct saver *saver = opaque;

	run_control_release(saver->machine);
	/* all that was copied was read before this */
	return machine_check_memory(saver->machine, err);
}

/* A guest that will run after the pause is in the state save-vm. */
static int save_state(void *opaque, struct smudge_checkpointer *checkpointer,
		      struct smudge_error *err)
{
	struct saver *saver = opaque;
	bool is_running = machine_run_state(saver->machine) == MACHINE_SAVE_VM;
	struct vm_buf buf = {0};
	int ret = moment_save(saver->machine, is_running, &buf, err);

	if (!ret)
		ret = smudge_checkpoint_add_blob(checkpointer, SAVER_BLOB,
						 buf.bytes, buf.len, err);
	vm_buf_free(&buf);
	return ret;
}

/* Return: the former one. */
static struct smudge_checkpointer *
exchange(struct saver *saver, struct smudge_checkpointer *checkpointer)
{
	struct smudge_checkpointer *former;

	pthread_mutex_lock(&saver->lock);
	former = saver->checkpointer;
	saver->checkpointer = checkpointer;
	pthread_mutex_unlock(&saver->lock);
	return former;
}

/* It fails only in a child of fork, which this program has not. */
static void end(struct saver *saver, struct smudge_checkpointer *checkpointer)
{
	pruner_destroy(saver->pruner);
	saver->pruner = NULL;
	(void)smudge_checkpointer_destroy(checkpointer);
}

void saver_destroy(struct saver *saver)
{
	if (!saver)
		return;
	end(saver, exchange(saver, NULL));
	pthread_mutex_destroy(&saver->lock);
	free(saver->folder);
	free(saver);
}

static bool is_open(const struct saver *saver, const char *folder)
{
	struct stat now;

	return saver->folder && stat(folder, &now) == 0 &&
	       now.st_dev == saver->identity.st_dev &&
	       now.st_ino == saver->identity.st_ino;
}

static int create(struct saver *saver, const char *folder,
		  struct smudge_chain *clean_as_of,
		  struct smudge_checkpointer **ret, struct smudge_error *err)
{
	const struct smudge_checkpointer_options options = {
		.size = sizeof(options),
		.folder = folder,
		.quiesce = quiesce,
		.resume = resume,
		.save_state = save_state,
		.opaque = saver,
		.clean_as_of = clean_as_of,
	};

	return smudge_checkpointer_create(machine_memory(saver->machine),
					  &options, ret, err);
}

int saver_open(struct saver *saver, const char *folder,
	       struct smudge_chain *clean_as_of, struct smudge_error *err)
{
	struct smudge_checkpointer *checkpointer;
	char *copy;
	int ret;

	if (is_cancelled(saver))
		return cancelled(err);
	if (is_open(saver, folder))
		return 0;
	copy = strdup(folder);
	if (!copy)
		return smudge_error_set(err, -ENOMEM, WHERE, "out of memory");
	ret = create(saver, folder, clean_as_of, &checkpointer, err);
	if (ret) {
		free(copy);
		return ret;
	}
	end(saver, exchange(saver, checkpointer));
	free(saver->folder);
	saver->folder = copy;
	/* if it is gone already, it is no other folder's */
	if (stat(folder, &saver->identity) < 0)
		memset(&saver->identity, 0, sizeof(saver->identity));
	return 0;
}

const char *saver_folder(const struct saver *saver)
{
	return saver->folder;
}

int saver_save(struct saver *saver, const struct smudge_save_options *options,
	       uint64_t *ret_ticket, struct smudge_error *err)
{
	int ret;

	ret = smudge_checkpointer_save(saver->checkpointer, options, ret_ticket,
				       err);
	/* it came after the pause had begun */
	if (!ret && is_cancelled(saver))
		smudge_checkpointer_cancel(saver->checkpointer);
	return ret;
}

int saver_wait(struct saver *saver, uint64_t ticket,
	       struct smudge_layer_info *info, struct smudge_error *err)
{
	return smudge_checkpointer_wait(saver->checkpointer, ticket, info, err);
}

void saver_prune(struct saver *saver, const struct checkpoint_keep *keep,
		 bool uncompressed)
{
	if (!checkpoint_keep_is_any(keep))
		return;
	if (!saver->pruner)
		saver->pruner = pruner_create(saver->checkpointer);
	if (saver->pruner)
		pruner_begin(saver->pruner, keep, uncompressed);
	else
		say("the layers are not pruned: no memory, or no thread");
}

void saver_expect(struct saver *saver)
{
	atomic_store_explicit(&saver->is_cancelled, false,
			      memory_order_release);
}

void saver_cancel(struct saver *saver)
{
	atomic_store_explicit(&saver->is_cancelled, true, memory_order_release);
	pthread_mutex_lock(&saver->lock);
	if (saver->checkpointer)
		smudge_checkpointer_cancel(saver->checkpointer);
	pthread_mutex_unlock(&saver->lock);
}

void saver_stats(struct saver *saver, struct smudge_checkpointer_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	pthread_mutex_lock(&saver->lock);
	/* it fails only for a struct that is too short */
	if (saver->checkpointer)
		(void)smudge_checkpointer_stats(saver->checkpointer, ret);
	pthread_mutex_unlock(&saver->lock);
}
