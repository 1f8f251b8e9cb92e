/* SPDX-License-Identifier: MIT */
/*
 * Where checkpoints from outside go, and what is done with each of them there:
 * a folder, or the live image of a disk behind an NBD server.
 */
#ifndef TOOLS_CHECKPOINT_STORE_H
#define TOOLS_CHECKPOINT_STORE_H

#include <stdbool.h>

#include <smudge/checkpoint.h>

#include "checkpoint/request.h"

struct checkpoint_store;

/*
 * checkpoint_store_open - of a request; connects to the server
 * @request: borrowed until the store is closed
 * @ret: receives it, closed by checkpoint_store_close
 *
 * Blocks: until the store's deadline, or a signal (clock.h).
 * Return: 0, or -errno with one sentence.
 */
int checkpoint_store_open(const struct checkpoint_request *request,
			  struct checkpoint_store **ret,
			  struct smudge_error *err);

/* NULL is fine. No checkpointer has it any more. */
void checkpoint_store_close(struct checkpoint_store *store);

/*
 * checkpoint_store_set - have a checkpointer write to it
 * @options: receives folder, or disk and what belongs to it. Its committed must
 *      call checkpoint_store_commit
 */
void checkpoint_store_set(const struct checkpoint_store *store,
			  struct smudge_checkpointer_options *options);

/*
 * checkpoint_store_begin - before each save, while none is under way
 * @ret_is_full: receives whether the save must be a full one, since the server
 *      may have forgotten what it had
 *
 * Connects again to a server that was lost.
 * Return: 0, or -errno with one sentence.
 */
int checkpoint_store_begin(struct checkpoint_store *store, bool *ret_is_full,
			   struct smudge_error *err);

/*
 * checkpoint_store_commit - the live image is flushed: the engine takes its
 *      snapshot, and what the user wants is done
 *
 * Nothing of a folder, whose layers are in place only when the save has ended.
 * Blocks: until it is done, the store's deadline, or a cancel.
 * Return: 0, or -errno with one sentence: the checkpoint has failed.
 */
int checkpoint_store_commit(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err);

/*
 * checkpoint_store_settle - the save has ended: of a folder, whose layer stays
 *      in any case, what the user wants is done with it
 *
 * Blocks, and returns: as checkpoint_store_commit.
 */
int checkpoint_store_settle(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err);

/* As commit_awaited (common/commit.h). Threads: any. */
const char *checkpoint_store_awaited(const struct checkpoint_store *store);

/* End what is under way in the store. Threads: any. */
void checkpoint_store_cancel(struct checkpoint_store *store);

#endif
