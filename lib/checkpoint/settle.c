/* SPDX-License-Identifier: MIT */
/*
 * The writing thread: one save after the other is stored, and settled.
 */
#include "checkpoint/settle.h"

#include <errno.h>
#include <stdlib.h>

#include "checkpoint/queue.h"
#include "checkpoint/save.h"
#include "checkpoint/store.h"
#include "sys/guard.h"

static void destroy(struct smudge_checkpointer *cp, struct smi_save *save)
{
	smi_copies_put(&cp->copies, &save->chunks);
	smi_copies_put(&cp->copies, &save->filling);
	smi_pieces_clear(&save->pieces);
	smi_layer_clear(&save->layer);
	free(save);
}

void smi_save_destroy(struct smudge_checkpointer *cp, struct smi_save *save)
{
	size_t used = save->pieces.data_pages * 4096 / SMI_CHUNK_BYTES + 1;

	destroy(cp, save);
	smi_copies_trim(&cp->copies, used < SMI_MAX_IDLE ? used : SMI_MAX_IDLE);
}

void smi_queue_unlink(struct smudge_checkpointer *cp, struct smi_save *save)
{
	struct smi_save *before = NULL;

	for (struct smi_save *at = cp->oldest; at != save; at = at->next)
		before = at;
	if (before)
		before->next = save->next;
	else
		cp->oldest = save->next;
	if (cp->youngest == save)
		cp->youngest = before;
	pthread_cond_broadcast(&cp->changed);
}

static int failure_of(const struct smi_save *save)
{
	/* Relaxed: the lock is held. */
	return atomic_load_explicit(&save->failed, memory_order_relaxed);
}

static void set_failed(struct smi_save *save, int error,
		       const struct smudge_error *err)
{
	if (failure_of(save))
		return;
	save->why = *err;
	save->why.code = error;
	/* Release pairs with the acquire in smi_save_check. */
	atomic_store_explicit(&save->failed, error, memory_order_release);
}

void smi_settle_fail(struct smudge_checkpointer *cp, struct smi_save *save,
		     int error, const struct smudge_error *err)
{
	struct smudge_error child = SMUDGE_ERROR_INIT;
	uint64_t failed_ticket = save->ticket;

	smudge_error_set(&child, -EAGAIN, SMI_WHERE,
			 "the save before it failed: %.120s", err->message);
	set_failed(save, error, err);
	for (struct smi_save *at = save->next; at; at = at->next) {
		if (at->is_full || at->parent_ticket != failed_ticket)
			continue;
		set_failed(at, -EAGAIN, &child);
		failed_ticket = at->ticket;
	}
	if (save->is_streamed)
		cp->target->ops->cancel(cp->target);
	pthread_cond_broadcast(&cp->changed);
}

static bool is_ready(const struct smi_save *save)
{
	return save->is_filled ||
	       (save->wants_room && !save->is_left && !failure_of(save));
}

/* The next save to write, or NULL when all is done. */
static struct smi_save *next_save(struct smudge_checkpointer *cp)
{
	SMI_SYS_GUARD(&cp->lock);
	while (cp->oldest ? !is_ready(cp->oldest) : !cp->is_ending)
		pthread_cond_wait(&cp->changed, &cp->lock);
	if (cp->oldest && !cp->oldest->is_filled)
		cp->oldest->is_streamed = true;
	return cp->oldest;
}

static struct smi_result *new_result(struct smudge_checkpointer *cp,
				     const struct smi_save *save)
{
	struct smi_result *result = &cp->results[save->ticket % SMI_RESULTS];

	*result = (struct smi_result){.ticket = save->ticket,
				      .err = SMUDGE_ERROR_INIT};
	return result;
}

/* The moment is in place: the checkpointer's, instead of the one before. */
static void succeed(struct smudge_checkpointer *cp, struct smi_save *save,
		    const struct smi_stored *stored)
{
	struct smi_result *result;

	SMI_SYS_GUARD(&cp->lock);
	smi_moment_replace(cp, stored);
	cp->moment.chain_ticket = save->chain_ticket;
	cp->moment.chain_nlayers = save->chain_nlayers;
	cp->stored_ticket = save->ticket;
	cp->stats.layers++;
	cp->stats.full_layers += save->is_full;
	cp->stats.file_bytes += stored->file_bytes;
	cp->stats.ahead_pages += stored->ahead_pages;
	cp->stats.untouched_pages += save->pieces.zero_pages;
	result = new_result(cp, save);
	result->info = stored->info;
	result->err = stored->refused;
	smi_queue_unlink(cp, save);
}

/* Return: is it the writing thread that removes it? */
static bool begin_failure(struct smudge_checkpointer *cp, struct smi_save *save,
			  const struct smi_stored *stored, int error,
			  const struct smudge_error *err)
{
	SMI_SYS_GUARD(&cp->lock);
	/* The disk has the moment all the same: the next one stands on it. */
	if (smi_stored_is_whole(stored))
		smi_moment_replace(cp, stored);
	smi_settle_fail(cp, save, error, err);
	save->is_left = true;
	return save->is_filled;
}

static void end_failure(struct smudge_checkpointer *cp, struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	new_result(cp, save)->err = save->why;
	cp->stats.failed_saves++;
	smi_queue_unlink(cp, save);
}

static void store(struct smudge_checkpointer *cp, struct smi_save *save)
{
	struct smudge_error err = SMUDGE_ERROR_INIT;
	struct smi_stored stored = {0};
	int ret = smi_store(cp, save, &stored, &err);

	if (!ret) {
		succeed(cp, save, &stored);
	} else {
		if (!begin_failure(cp, save, &stored, ret, &err))
			return;
		smi_save_return_pages(cp, save, &cp->returned);
		end_failure(cp, save);
	}
	smi_save_destroy(cp, save);
	SMI_SYS_GUARD(&cp->lock);
	pthread_cond_broadcast(&cp->changed);
}

void *smi_queue_run(void *opaque)
{
	struct smudge_checkpointer *cp = opaque;
	struct smi_save *save;

	while ((save = next_save(cp)))
		store(cp, save);
	return NULL;
}
