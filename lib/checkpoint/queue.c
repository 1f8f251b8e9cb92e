/* SPDX-License-Identifier: MIT */
/*
 * Saves begin and end.
 */
#include "checkpoint/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "checkpoint/save.h"
#include "checkpoint/settle.h"
#include "checkpoint/target.h"
#include "sys/guard.h"

static struct smi_save *create(const struct smudge_save_options *options,
			       struct smudge_error *err)
{
	struct smi_save *save = calloc(1, sizeof(*save));

	if (save && smi_pieces_init(&save->pieces) < 0) {
		free(save);
		save = NULL;
	}
	if (!save) {
		smi_checkpointer_no_memory(err);
		return NULL;
	}
	save->options = *options;
	save->uncopied = smi_pieces_end(&save->pieces);
	smudge_error_clear(&save->why);
	return save;
}

static bool is_doomed(const struct smi_save *save)
{
	/* Relaxed: the lock is held where failed is set. */
	return save &&
	       (atomic_load_explicit(&save->failed, memory_order_relaxed) ||
		atomic_load_explicit(&save->is_cancelled,
				     memory_order_relaxed));
}

/* Is there a moment in place, which the store still has? */
static bool has_parent(const struct smudge_checkpointer *cp)
{
	return cp->has_moment &&
	       cp->target->ops->has_parent(cp->target, &cp->moment);
}

/* What the save stands on, and whether it stands on anything. */
static void choose_parent(struct smudge_checkpointer *cp, struct smi_save *save)
{
	const struct smi_save *last = cp->youngest;
	uint64_t nlayers =
		last ? last->chain_nlayers : cp->moment.chain_nlayers;

	save->parent_ticket = last ? last->ticket : cp->stored_ticket;
	save->is_full = save->options.is_full ||
			nlayers >= cp->options.full_every ||
			(!last && !has_parent(cp));
	save->chain_nlayers = save->is_full ? 1 : nlayers + 1;
	save->chain_ticket =
		last ? last->chain_ticket : cp->moment.chain_ticket;
}

int smi_queue_begin(struct smudge_checkpointer *cp,
		    const struct smudge_save_options *options,
		    struct smi_save **ret_save, struct smudge_error *err)
{
	struct smi_save *save = create(options, err);

	if (!save)
		return -ENOMEM;
	SMI_SYS_GUARD(&cp->lock);
	while (is_doomed(cp->youngest))
		pthread_cond_wait(&cp->changed, &cp->lock);
	choose_parent(cp, save);
	save->ticket = ++cp->last_ticket;
	if (save->is_full)
		save->chain_ticket = save->ticket;
	if (cp->youngest)
		cp->youngest->next = save;
	else
		cp->oldest = save;
	cp->youngest = save;
	cp->stats.saves++;
	*ret_save = save;
	return 0;
}

void smi_blobs_free(struct smi_layer_blob *blobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(blobs[i].bytes);
	free(blobs);
}

void smi_queue_move_blobs(struct smudge_checkpointer *cp, struct smi_save *save)
{
	smi_blobs_free(save->layer.blobs, save->layer.nblobs);
	save->layer.blobs = cp->blobs;
	save->layer.nblobs = cp->nblobs;
	cp->blobs = NULL;
	cp->nblobs = 0;
	cp->blob_bytes = 0;
}

/* Return: 0: the writer has it now; or what it failed with meanwhile. */
static int hand_over(struct smudge_checkpointer *cp, struct smi_save *save,
		     uint64_t *ret_ticket, struct smudge_error *err)
{
	int ret;

	SMI_SYS_GUARD(&cp->lock);
	ret = smi_save_check(save, err);
	if (ret < 0)
		return ret;
	save->is_filled = true;
	if (ret_ticket)
		*ret_ticket = save->ticket;
	pthread_cond_broadcast(&cp->changed);
	return 0;
}

/* The writer may be in it: it is stopped first. */
static void abandon(struct smudge_checkpointer *cp, struct smi_save *save,
		    int error, const struct smudge_error *err)
{
	SMI_SYS_GUARD(&cp->lock);
	smi_settle_fail(cp, save, error, err);
	while (save->is_streamed && !save->is_left)
		pthread_cond_wait(&cp->changed, &cp->lock);
}

static void remove_failed(struct smudge_checkpointer *cp, struct smi_save *save)
{
	SMI_SYS_GUARD(&cp->lock);
	cp->stats.failed_saves++;
	smi_queue_move_blobs(cp, save);
	smi_queue_unlink(cp, save);
}

int smi_queue_end(struct smudge_checkpointer *cp, struct smi_save *save,
		  int error, uint64_t *ret_ticket, struct smudge_error *err)
{
	if (!error)
		error = hand_over(cp, save, ret_ticket, err);
	if (!error)
		return 0;
	abandon(cp, save, error, err);
	smi_save_return_pages(cp, save, &cp->held);
	remove_failed(cp, save);
	smi_save_destroy(cp, save);
	return error;
}
