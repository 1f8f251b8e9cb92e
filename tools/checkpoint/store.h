/* SPDX-License-Identifier: MIT */
/*
 * Where checkpoints from outside go, and what is done with each of them there.
 */
#ifndef TOOLS_CHECKPOINT_STORE_H
#define TOOLS_CHECKPOINT_STORE_H

#include "checkpoint/request.h"

struct checkpoint_store;
struct smudge_error;
struct smudge_layer_info;

/*
 * checkpoint_store_open - of a request
 * @request: borrowed until the store is closed
 * @ret: receives it, closed by checkpoint_store_close
 *
 * Return: 0, or -errno with one sentence.
 */
int checkpoint_store_open(const struct checkpoint_request *request,
			  struct checkpoint_store **ret,
			  struct smudge_error *err);

/* NULL is fine. */
void checkpoint_store_close(struct checkpoint_store *store);

/*
 * checkpoint_store_settle - the layer is in place in its folder: what the user
 *      wants done with it is done
 *
 * Blocks: until it is done, the store's deadline, or a cancel.
 * Return: 0, or -errno with one sentence.
 */
int checkpoint_store_settle(struct checkpoint_store *store,
			    const struct smudge_layer_info *info,
			    struct smudge_error *err);

/* End what is under way in the store. Threads: any. */
void checkpoint_store_cancel(struct checkpoint_store *store);

#endif
